"""Numbers pinned in a file, and a later store beside them: `iqabench check --pin FILE`, `--against FILE`."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, Json, ValidationError

from ...bench.core.errors import UserError, nearest
from ...bench.core.files import write_text
from ...bench.core.parameters import accepted
from ...bench.core.text import listing, plural
from ...bench.core.version import __version__
from ...bench.statistics.metrics import OK
from ...bench.store.condition import Condition
from ...bench.store.newest import newest_versions
from ...bench.store.results import COLUMNS, Results, read_results
from ...bench.store.results_text import json_rows
from ..catalogue import STAND_IN
from .check import Check, stand_ins
from .comparison import Comparison, Status, compared

RUN = ("dataset", "model", "variant", "regime", "seed")
"""The columns that a sweep of one model on one dataset has in common."""

KEY = (*RUN, "attack", "epsilon")
"""The columns that identify a row for people; code, weights and parameters may change behind them."""

_TELLING = (
    "weights",
    "model_params",
    "model_source",
    "attack_source",
    "dataset_digest",
    "pixels_digest",
    "split_digest",
    "device",
    "versions",
)  # named beside a number that moved, where they changed
_ON_IMAGES = {"n": "number of images", "image_size": "image size", "split_seed": "split seed"}

_Key = tuple[Any, ...]


class Pinned(BaseModel):
    """A row of a baseline: the columns of `results` that a check needs, of which the last may be missing."""

    model_config = ConfigDict(extra="allow", frozen=True)

    dataset: str
    model: str
    regime: str
    seed: int
    attack: str
    epsilon: FiniteFloat
    n: Annotated[int, Field(ge=0)]
    srocc: FiniteFloat | None
    plcc: FiniteFloat | None
    mse: FiniteFloat | None
    worst_srocc: FiniteFloat | None = None
    variant: str = ""
    image_size: int | None = None
    split_seed: int | None = None
    attack_params: Json[dict[str, Any]] | None = None
    versions: str = ""

    @property
    def run(self) -> _Key:
        """The values of `RUN`."""
        return tuple(getattr(self, name) for name in RUN)

    @property
    def key(self) -> _Key:
        """The values of `KEY`."""
        return (*self.run, self.attack, self.epsilon)

    @property
    def condition(self) -> Condition:
        """What was measured."""
        return Condition(
            self.dataset, self.model, self.variant, self.regime, (self.seed,), self.attack, self.epsilon
        )


def pin(store: Path, path: Path) -> str:
    """Write the numbers of a store as a baseline: a JSON list of rows with the columns of `results`.

    Of several cells that one row would stand for the newest is pinned, as the reports show it.

    Args:
        store: Its folder.
        path: The file; replaced if it exists.

    Returns:
        What was written and what was not, in sentences.

    Raises:
        UserError: an empty store, one that contradicts itself, or a file that cannot be written.
    """
    results = read_results(store)
    rows = results.newest(RUN)
    try:
        write_text(path, json_rows(rows))
    except OSError as error:
        raise UserError(f"--pin {path}: cannot be written: {error.strerror}") from None
    return "\n".join([f"{plural(len(rows), 'row')} pinned in {path}.", *_of_pinning(results, rows)])


def read_baseline(path: Path) -> list[Pinned]:
    """The rows of a baseline.

    Raises:
        UserError: not a readable JSON list of rows, one from a newer iqabench, columns that are unknown or
            missing, values of the wrong type, or two rows for one condition: names file, row and column.
    """
    rows = _rows(path)
    _refuse_newer(path, rows)
    pinned: dict[_Key, int] = {}
    found = []
    for number, values in enumerate(rows, start=1):
        row = _row(path, number, values)
        if row.key in pinned:
            raise UserError(
                f"{path}, rows {pinned[row.key]} and {number}: both pin {row.condition.phrase}; keep one, or "
                f"write the file anew: `iqabench check --pin {path}`"
            )
        pinned[row.key] = number
        found.append(row)
    return found


def against_baseline(results: Results, path: Path, tolerances: Mapping[str, float]) -> Check:
    """Compare a results table with a baseline.

    Rows meet by dataset, model, variant, regime, seed, attack and epsilon; what may change with the code,
    such as weights and parameters of a model, is named beside a number that moved. Numbers are not comparable
    if the images (their number, size or split) or a parameter of the attack that both have differ. Of several
    versions of a model in the store the newest on the pinned images is taken, whole: a condition that it was
    not run under is not filled from an older one.

    Args:
        results: From `read_results`.
        path: The baseline.
        tolerances: By metric.

    Raises:
        UserError: see `read_baseline`.
    """
    baseline = read_baseline(path)
    current = _current(results.frame, baseline)
    comparisons = [
        comparison for row in baseline for comparison in _compare(row, current.get(row.key, []), tolerances)
    ]
    return Check(
        against=str(path),
        comparisons=tuple(comparisons),
        tolerances=tolerances,
        guarding=True,
        advice="run the sweep that it was pinned from, or name its store: --results DIR.",
        notes=(
            *results.left_out,
            *_unguarded(results.frame, baseline, path),
            *_named_stand_ins(results.frame),
        ),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    advice = f"`iqabench check --pin {path}` writes one"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"--against {path}: no such file; {advice}, and `published` names the papers' numbers"
        ) from None
    except OSError as error:
        raise UserError(f"--against {path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a JSON file in UTF-8: {error}; {advice}") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: a baseline is a list of rows, and not an empty one; {advice}")
    return rows


def _refuse_newer(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    newest = max((_version(str(row.get("versions", ""))) for row in rows), default=())
    if newest > _version(f"iqabench {__version__}"):
        text = ".".join(map(str, newest))
        raise UserError(
            f"{path}: its numbers come from iqabench {text}, and this is {__version__}: use that version, or "
            "pin anew with this one"
        )


def _version(versions: str) -> tuple[int, ...]:
    """The version of iqabench among those of a row; empty if it is not there."""
    found = re.search(r"\biqabench (\d{1,9}(?:\.\d{1,9})*)", versions)
    return tuple(map(int, found[1].split("."))) if found else ()


def _row(path: Path, number: int, values: Mapping[str, Any]) -> Pinned:
    for column in values:
        if column not in COLUMNS:
            raise UserError(f"{path}, row {number}: unknown column {column!r}: {nearest(column, COLUMNS)}")
    try:
        return Pinned.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        column = ".".join(map(str, problem["loc"]))
        raise UserError(f"{path}, row {number}: column {column!r}: {accepted(problem)}") from None


def _current(results: pd.DataFrame, baseline: Sequence[Pinned]) -> dict[_Key, list[dict[Hashable, Any]]]:
    """The cells that each key stands for now, the newest last; on other images only if on no pinned ones."""
    images = defaultdict(set)
    for row in baseline:
        images[row.run].add((row.n, row.image_size, row.split_seed))
    runs = _tuples(results, RUN)
    alike = np.array(
        [
            any(_same(wanted, found) for wanted in images[run])
            for run, found in zip(runs, _tuples(results, _ON_IMAGES), strict=True)
        ]
    )
    version = newest_versions(results[alike], RUN)
    return _by_key(results[~alike]) | _by_key(version)


def _by_key(cells: pd.DataFrame) -> dict[_Key, list[dict[Hashable, Any]]]:
    found = defaultdict(list)
    by_age = cells.sort_values("created", kind="stable", na_position="first")
    for key, cell in zip(_tuples(by_age, KEY), by_age.to_dict("records"), strict=True):
        found[key].append(cell)
    return found


def _tuples(table: pd.DataFrame, columns: Iterable[str]) -> list[_Key]:
    return list(table[list(columns)].itertuples(index=False, name=None))


def _same(wanted: tuple[int | None, ...], found: tuple[Any, ...]) -> bool:
    return all(one is None or one == other for one, other in zip(wanted, found, strict=True))


def _compare(
    row: Pinned, cells: Sequence[Mapping[Hashable, Any]], tolerances: Mapping[str, float]
) -> Iterator[Comparison]:
    comparable = [cell for cell in cells if not list(_differences(row, cell))]
    for metric, tolerance in tolerances.items():
        pinned = getattr(row, metric)
        if metric == "worst_srocc" and pinned is None:  # of an attack that gives no intervals
            continue
        expected = math.nan if pinned is None else pinned
        if not comparable:
            status: Status = "not comparable" if cells else "not run"
            reason = "; ".join(_differences(row, cells[-1])) if cells else ""
            yield Comparison("", row.condition, metric, expected, math.nan, tolerance, status, reason)
        else:
            cell = comparable[-1]
            numbers = (expected, float(cell[metric]), tolerance)
            status_now, changed = str(cell["status"]), _changed(row, cell)
            yield compared("", row.condition, metric, *numbers, status=status_now, changed=changed)


def _differences(row: Pinned, cell: Mapping[Hashable, Any]) -> Iterator[str]:
    """Why two numbers measure different things, in phrases."""
    for name, spoken in _ON_IMAGES.items():
        wanted = getattr(row, name)
        if wanted is not None and cell[name] != wanted:
            yield f"{spoken} {cell[name]}, pinned at {wanted}"
    now, then = json.loads(cell["attack_params"]), row.attack_params or {}
    for name in sorted(now.keys() & then.keys()):
        if now[name] != then[name]:
            yield f"{row.attack}'s {name} {now[name]}, pinned at {then[name]}"


def _changed(row: Pinned, cell: Mapping[Hashable, Any]) -> str:
    then = row.model_dump()
    changed = [name for name in _TELLING if then.get(name) is not None and then[name] != cell[name]]
    return f"changed: {', '.join(name.replace('_', ' ') for name in changed)}" if changed else ""


def _unguarded(results: pd.DataFrame, baseline: Sequence[Pinned], path: Path) -> Iterator[str]:
    count = len({*_tuples(results, KEY)} - {row.key for row in baseline})
    if count:
        yield (
            f"{plural(count, 'condition')} in the store {'is' if count == 1 else 'are'} not in {path}: "
            "pin anew to guard them, too."
        )


def _named_stand_ins(results: pd.DataFrame) -> Iterator[str]:
    names = stand_ins(results)
    if names:
        yield f"{listing(names)} {STAND_IN}."


def _of_pinning(results: Results, rows: pd.DataFrame) -> Iterator[str]:
    yield from results.left_out
    older = len(results.frame) - len(rows)
    if older:
        yield f"{plural(older, 'cell')} of older versions or with other parameters of an attack left out."
    broken = rows[rows["status"] != OK]
    if len(broken):
        first = broken.iloc[0].to_dict()
        yield (
            f"{plural(len(broken), 'row')} without usable scores, which never hold, such as "
            f"{Condition.of(first).phrase}: {first['status']}."
        )
