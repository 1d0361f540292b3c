"""Numbers pinned in a file, and a later store beside them: `iqabench check --pin FILE`, `--against FILE`."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, Json, ValidationError

from ...bench.core.errors import UserError, nearest
from ...bench.core.files import regular, write_text
from ...bench.core.parameters import first_problem
from ...bench.core.text import listing, plural
from ...bench.core.version import __version__
from ...bench.statistics.metrics import NO_LABELS, OK
from ...bench.store.condition import Condition
from ...bench.store.newest import highest_attacks, newest_versions
from ...bench.store.results import COLUMNS, RESIZE, Results, read_results
from ...bench.store.results_text import json_rows
from ..catalogue import STAND_IN
from .check import Check, stand_ins
from .comparison import Comparison

RUN = ("dataset", "model", "variant", "regime", "seed")
"""The columns that a sweep of one model on one dataset has in common."""

# Named beside a number that moved, where they changed.
_TELLING = (
    "weights", "model_params", "model_version", "model_source", "attack_version", "attack_source",
    "precision", "dataset_version", "dataset_digest", "pixels_digest", "split_digest", "device", "versions",
)  # fmt: skip
_ON_IMAGES = {
    "n": "number of images",
    "image_size": "image size",
    "pixels": "pixels",
    "split_seed": "split seed",
}

_Row = Mapping[Any, Any]


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
    pixels: str = RESIZE
    split_seed: int | None = None
    attack_params: Json[dict[str, Any]] | None = None
    versions: str = ""
    status: str = OK

    @property
    def condition(self) -> Condition:
        """The condition that was measured."""
        return Condition.of(dict(self))


def pin(store: Path, path: Path) -> str:
    """Write the numbers of a store as a baseline: a JSON list of rows with the columns of `results`.

    Of several cells that belong to one row, the newest is pinned, as in the reports. Rows of images without
    labels are left out, as a check compares correlations.

    Returns:
        What was written and what was not, in sentences.

    Raises:
        UserError: an empty store, one that contradicts itself or has no labels, or a file that cannot be
            written.
    """
    results = read_results(store)
    rows = results.newest(RUN)
    labelled = rows["status"] != NO_LABELS
    if not labelled.any():
        raise UserError(f"{store}: nothing to pin: its images have no labels, so there are no correlations")
    try:
        write_text(path, json_rows(rows[labelled]))
    except OSError as error:
        raise UserError(f"--pin {path}: cannot be written: {error.strerror}") from None
    return _pinned(results, rows, path)


def read_baseline(path: Path) -> list[Pinned]:
    """Read the rows of a baseline.

    Raises:
        UserError: not a readable JSON list of rows, one from a newer iqabench, columns that are unknown or
            missing, values of the wrong type, or two rows for one condition: names file, row and column.
    """
    rows = _rows(path)
    _refuse_newer(path, rows)
    found: dict[Condition, tuple[int, Pinned]] = {}
    for number, values in enumerate(rows, start=1):
        row = _row(path, number, values)
        if row.condition in found:
            raise UserError(
                f"{path}, rows {found[row.condition][0]} and {number}: both pin {row.condition.phrase}; keep "
                f"one, or write the file anew: `iqabench check --pin {path}`"
            )
        found[row.condition] = number, row
    return [row for _, row in found.values()]


def against_baseline(results: Results, path: Path, tolerances: Mapping[str, float]) -> Check:
    """Compare results with a baseline.

    Rows meet by dataset, model, variant, regime, seed, attack and epsilon; what may change with the code,
    such as weights and parameters of a model, is named beside a number that moved. Numbers are not comparable
    if the images (their number, size or split) or a parameter of the attack that both have differ. Of several
    versions of a model in the store the newest on the pinned images is taken, whole: a condition that it was
    not run under is not filled from an older one.

    Raises:
        UserError: see `read_baseline`.
    """
    baseline = [row for row in read_baseline(path) if row.status != NO_LABELS]
    current = _current(results.frame[results.frame["status"] != NO_LABELS], baseline)
    found = [one for row in baseline for one in _compare(row, current.get(row.condition, []), tolerances)]
    unguarded = len(current.keys() - {row.condition for row in baseline})
    return Check(
        against=str(path),
        comparisons=tuple(found),
        tolerances=tolerances,
        guarding=True,
        advice="run the sweep that it was pinned from, or name its store: --results DIR.",
        notes=(*results.left_out, *_notes(results.frame, unguarded, path)),
    )


def _pinned(results: Results, rows: pd.DataFrame, path: Path) -> str:
    """Return what was pinned and what was not, in sentences."""
    unlabelled = int((rows["status"] == NO_LABELS).sum())
    lines = [f"{plural(len(rows) - unlabelled, 'row')} pinned in {path}.", *results.left_out]
    if unlabelled:
        lines += [
            f"{plural(unlabelled, 'row')} of images without labels {'is' if unlabelled == 1 else 'are'} not "
            "pinned, as a check compares correlations."
        ]
    older = len(results.frame) - len(rows)
    if older:
        lines += [
            f"{plural(older, 'cell')} of older versions or with other parameters of an attack "
            f"{'is' if older == 1 else 'are'} left out."
        ]
    broken = rows[~rows["status"].isin([OK, NO_LABELS])].to_dict("records")
    if broken:
        lines += [
            f"{plural(len(broken), 'row')} {'has' if len(broken) == 1 else 'have'} no usable scores and can "
            f"never hold, such as {Condition.of(broken[0]).phrase}: {broken[0]['status']}."
        ]
    return "\n".join(lines)


def _notes(frame: pd.DataFrame, unguarded: int, path: Path) -> Iterator[str]:
    """Say how many conditions of a store are not pinned, and what stands in for a database."""
    if unguarded:
        yield (
            f"{plural(unguarded, 'condition')} in the store {'is' if unguarded == 1 else 'are'} not in "
            f"{path}: pin anew to guard them, too."
        )
    names = stand_ins(frame)
    if names:
        yield f"{listing(names)} {STAND_IN}."


def _rows(path: Path) -> list[dict[str, Any]]:
    advice = f"`iqabench check --pin {path}` writes one"
    try:
        rows = json.loads(regular(path).read_text(encoding="utf-8"))
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


def _refuse_newer(path: Path, rows: Sequence[_Row]) -> None:
    newest = max((_version(str(row.get("versions", ""))) for row in rows), default=())
    if newest > _version(f"iqabench {__version__}"):
        text = ".".join(map(str, newest))
        raise UserError(
            f"{path}: its numbers come from iqabench {text}, and this is {__version__}: use that version, or "
            "pin anew with this one"
        )


def _version(versions: str) -> tuple[int, ...]:
    """Return the version of iqabench among those of a row; empty if it is not there."""
    found = re.search(r"\biqabench (\d{1,9}(?:\.\d{1,9})*)", versions)
    return tuple(map(int, found[1].split("."))) if found else ()


def _row(path: Path, number: int, values: Mapping[str, Any]) -> Pinned:
    for column in values:
        if column not in COLUMNS:
            raise UserError(f"{path}, row {number}: unknown key {column!r}: {nearest(column, COLUMNS)}")
    try:
        return Pinned.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}, row {number}: {first_problem(error, COLUMNS)}") from None


def _current(frame: pd.DataFrame, baseline: Sequence[Pinned]) -> dict[Condition, list[_Row]]:
    """Return the rows of each condition, the newest last; on other images only if none is on these."""
    pinned = defaultdict(list)
    for row in baseline:
        pinned[tuple(getattr(row, name) for name in RUN)].append(row)
    alike = np.array(
        [
            any(not [*_other_images(row, cell)] for row in pinned[tuple(cell[name] for name in RUN)])
            for cell in frame.to_dict("records")
        ],
        dtype=bool,
    )
    current = highest_attacks(newest_versions(frame[alike], RUN), RUN)
    return _by_condition(frame[~alike]) | _by_condition(current)


def _by_condition(cells: pd.DataFrame) -> dict[Condition, list[_Row]]:
    found: dict[Condition, list[_Row]] = defaultdict(list)
    for cell in cells.sort_values("created", kind="stable", na_position="first").to_dict("records"):
        found[Condition.of(cell)].append(cell)
    return found


def _compare(row: Pinned, cells: Sequence[_Row], tolerances: Mapping[str, float]) -> Iterator[Comparison]:
    comparable = [cell for cell in cells if not list(_differences(row, cell))]
    for metric, tolerance in tolerances.items():
        pinned = getattr(row, metric)
        if metric == "worst_srocc" and pinned is None:  # of an attack that gives no intervals
            continue
        expected = math.nan if pinned is None else pinned
        comparison = Comparison("", row.condition, metric, expected, tolerance)
        if comparable:
            cell = comparable[-1]
            status, changed = str(cell["status"]), _changed(row, cell)
            comparison = comparison.judged(float(cell[metric]), status=status, changed=changed)
        elif cells:
            reason = "; ".join(_differences(row, cells[-1]))
            comparison = replace(comparison, status="not comparable", reason=reason)
        yield comparison


def _differences(row: Pinned, cell: _Row) -> Iterator[str]:
    """Yield why two numbers measure different things, in phrases."""
    yield from _other_images(row, cell)
    now, then = json.loads(cell["attack_params"]), row.attack_params or {}
    for name in sorted(now.keys() & then.keys()):
        if now[name] != then[name]:
            yield f"{row.attack}'s {name} {now[name]}, pinned at {then[name]}"


def _other_images(row: Pinned, cell: _Row) -> Iterator[str]:
    for name, spoken in _ON_IMAGES.items():
        pinned = getattr(row, name)
        if pinned is not None and str(cell[name]) != str(pinned):
            yield f"{spoken} {cell[name]}, pinned at {pinned}"


def _changed(row: Pinned, cell: _Row) -> str:
    then = row.model_dump()
    changed = [name for name in _TELLING if then.get(name) is not None and then[name] != cell[name]]
    return f"changed: {', '.join(name.replace('_', ' ') for name in changed)}" if changed else ""
