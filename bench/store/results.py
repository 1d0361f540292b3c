"""The table of results: one row per cell of a store, its metrics computed from the raw scores."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ..core.errors import UserError, nearest
from ..core.text import aligned, plural
from .cell_file import StoredCell, read_scores
from .metric_cache import cell_metrics
from .metrics import METRICS, RESAMPLES, Evaluation
from .store import Store

IDENTITY = ("dataset", "model", "regime", "seed", "attack", "epsilon")
"""What names a row for people. Rows that agree in it differ in a later column, such as `weights`."""

COLUMNS = (
    *IDENTITY,
    "n",
    *METRICS,
    *(f"{name}_{bound}" for name in METRICS for bound in ("low", "high")),
    "status",
    "variant",
    "limit",
    "image_size",
    "split_seed",
    "weights",
    "model_params",
    "attack_params",
    "batch_size",
    "model_source",
    "attack_source",
    "dataset_digest",
    "pixels_digest",
    "split_digest",
    "stand_in",
    "profile",
    "device",
    "created",
    "versions",
    "checkpoint",
    "command",
    "seconds",
    "key",
    "file",
)
"""The columns of `results_table`, in order."""

DATASET_ORDER = ("vcl", "live", "livec", "koniq")
MODEL_ORDER = ("dbcnn", "nima", "resnet", "lwta", "denoise", "sat", "cprl")
ATTACK_ORDER = ("none", "fgsm", "pgd")

FORMATS = ("table", "csv", "json")

_Kind = Literal["dataset", "model", "attack"]

_ORDERS: dict[_Kind, tuple[str, ...]] = {
    "dataset": DATASET_ORDER,
    "model": MODEL_ORDER,
    "attack": ATTACK_ORDER,
}
_CONTEXT = ("profile", "device", "created", "checkpoint", "command", "seconds")
_WHOLE_NUMBERS = ("limit", "image_size", "split_seed", "batch_size")
_TEST_IMAGES = ["dataset", "dataset_digest", "split_seed", "split_digest", "limit"]
_SHOWN_DIGITS = 10  # of a digest, in the table for people


def results_table(store: Store | Path, *, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Evaluate every cell of a store; what was evaluated before is taken from the store's cache.

    Args:
        store: A store, or its folder.
        resamples: Bootstrap resamples behind the bounds `*_low` and `*_high`; 0 leaves them undefined.

    Returns:
        A row per cell with `COLUMNS`, in the paper's order of datasets and models. `attack` is `none` and
        `epsilon` 0 for clean images; `epsilon` is in units of 1/255. `status` is `ok`, or why metrics are
        NaN. `attrs["unreadable"]` lists the (file, reason) of what could not be read, `attrs["notes"]` what
        is odd about what could, in sentences.

    Raises:
        UserError: the store is no folder or holds no readable cell; or two of its files claim to be one cell
            and differ in their scores.
    """
    store = store if isinstance(store, Store) else Store(Path(store))
    _refuse_no_folder(store.root)
    cells, notes = _one_file_each(list(store.cells()), store.root)
    metrics, damaged = cell_metrics(cells, store.root, resamples)
    unreadable = [(_relative(path, store.root), reason) for path, reason in [*store.unreadable, *damaged]]
    usable = [cell for cell in cells if cell.path in metrics]
    if not usable:
        raise UserError(_nothing_in(store.root, unreadable))
    rows = [_row(cell, metrics[cell.path].evaluation, store.root) for cell in usable]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(_WHOLE_NUMBERS, "Int64"))
    notes += _on_other_labels(table, [metrics[cell.path].scored_on for cell in usable])
    table = _in_paper_order(table)
    table.attrs |= {"unreadable": unreadable, "notes": notes}
    return table


def render_results(table: pd.DataFrame, form: Literal["table", "csv", "json"] = "table") -> str:
    """A results table as text.

    Args:
        table: From `results_table`.
        form: `csv` and `json` (a list of rows, undefined numbers as null) hold all columns in full
            precision; `table` is for people: the metrics, and whatever tells rows of one name apart.

    Raises:
        UserError: an unknown form.
    """
    if form == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    if form == "json":
        return _json(table)
    if form == "table":
        return _text(table)
    raise UserError(f"unknown format {form!r}: {nearest(form, FORMATS)}")


def ordered(kind: _Kind, names: Iterable[str]) -> list[str]:
    """Names without repetition, those of the paper first and in its order, then the others by alphabet."""
    return sorted(set(names), key=lambda name: (_rank(kind, name), name))


def left_out(table: pd.DataFrame) -> Iterator[str]:
    """A note for each file that a results table could not take in, and on what is odd about the others."""
    for file, reason in table.attrs.get("unreadable", []):
        yield f"Not readable, so left out: {file}: {reason}."
    yield from table.attrs.get("notes", [])


def _contradiction(one: str, other: str, key: str) -> UserError:
    """The error that two files of a store claim to be one cell and differ."""
    return UserError(
        f"{one} and {other} are both the cell {key} and hold different scores: remove the wrong one, "
        "or both, and `iqabench run` computes it again"
    )


def _refuse_no_folder(root: Path) -> None:
    try:
        no_folder = root.exists() and not root.is_dir()
    except OSError as error:
        raise UserError(f"{root}: cannot be opened: {error.strerror}") from None
    if no_folder:
        raise UserError(f"{root}: a file, and not a folder of results; `--results DIR` names the folder")


def _one_file_each(cells: Sequence[StoredCell], root: Path) -> tuple[list[StoredCell], list[str]]:
    """The cells, each once, and a note on the files that hold a cell once more.

    Raises:
        UserError: two files of one cell differ.
    """
    by_key: dict[str, list[StoredCell]] = defaultdict(list)
    for cell in cells:
        by_key[cell.provenance["key"]].append(cell)
    copies = {
        copy.path: original.path
        for original, *others in by_key.values()
        for copy in others
        if _is_copy(copy, original, root)
    }
    if not copies:
        return list(cells), []
    copy, original = (_relative(path, root) for path in next(iter(copies.items())))
    note = (
        f"{plural(len(copies), 'file')} {'holds' if len(copies) == 1 else 'hold'} a cell that another file "
        f"holds too, with the same scores: {copy} is a copy of {original}. A cell counts once."
    )
    return [cell for cell in cells if cell.path not in copies], [note]


def _is_copy(copy: StoredCell, original: StoredCell, root: Path) -> bool:
    """Whether a file holds what the first of its key holds; no, if the scores of either cannot be used."""
    if copy.content == original.content:
        return True
    try:
        same = read_scores(copy).equal(read_scores(original))
    except ValueError:
        return False
    if not same:
        raise _contradiction(
            _relative(original.path, root), _relative(copy.path, root), original.provenance["key"]
        )
    return True


def _on_other_labels(table: pd.DataFrame, scored_on: Sequence[str]) -> list[str]:
    """A note for each set of test images that two cells name and hold differently."""
    by_labels = table.assign(scored_on=scored_on).drop_duplicates([*_TEST_IMAGES, "scored_on"])
    return [
        f"{plural(len(group), 'file')} on {dataset} claim the same test images and hold different images or "
        f"labels, such as {group['file'].iloc[0]} and {group['file'].iloc[1]}: remove the wrong one, and "
        "`iqabench run` computes it again."
        for (dataset, *_), group in by_labels.groupby(_TEST_IMAGES, sort=False, dropna=False)
        if len(group) > 1
    ]


def _row(stored: StoredCell, evaluation: Evaluation, root: Path) -> dict[str, Any]:
    cell, context = stored.provenance["cell"], stored.provenance["context"]
    row = {name: cell[name] for name in COLUMNS if name in cell}
    row |= {name: context.get(name) for name in _CONTEXT}
    row |= {
        "variant": cell.get("variant", ""),
        "n": evaluation.n,
        "status": evaluation.status,
        "model_params": _compact(cell["model_params"]),
        "attack_params": _compact(cell["attack_params"]),
        "stand_in": bool(context.get("stand_in", False)),
        "versions": ", ".join(
            f"{name} {text or 'unknown'}" for name, text in context.get("versions", {}).items()
        ),
        "key": stored.provenance["key"],
        "file": _relative(stored.path, root),
    }
    for name, measure in evaluation.measures.items():
        row |= {name: measure.value, f"{name}_low": measure.low, f"{name}_high": measure.high}
    return row


def _in_paper_order(table: pd.DataFrame) -> pd.DataFrame:
    keys = table[[*IDENTITY, "created", "key"]].fillna({"created": ""})
    for kind in _ORDERS:
        places = {name: place for place, name in enumerate(ordered(kind, keys[kind]))}
        keys[kind] = keys[kind].map(places)
    order = keys.sort_values([*keys.columns], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _rank(kind: _Kind, name: str) -> int:
    order = _ORDERS[kind]
    return order.index(name) if name in order else len(order)


def _compact(params: dict[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def _relative(path: Path, root: Path) -> str:
    """A path as text that can be written as UTF-8."""
    text = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return os.fsencode(text).decode("utf-8", "replace")


def _nothing_in(root: Path, unreadable: Sequence[tuple[str, str]]) -> str:
    advice = "`iqabench run` computes some; `--results DIR` names another folder"
    if not unreadable:
        return f"{root}: no results in this folder; {advice}"
    file, reason = unreadable[0]
    others = f", and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
    return f"{root}: no result in this folder can be read: {file}: {reason}{others}; {advice}"


def _json(table: pd.DataFrame) -> str:
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return "[\n" + ",\n".join(json.dumps(record, allow_nan=False) for record in records) + "\n]\n"


def _text(table: pd.DataFrame) -> str:
    shown = {name: table[name].map(str) for name in IDENTITY}
    shown["epsilon"] = table["epsilon"].map("{:g}".format)
    if (table["variant"] != "").any():
        shown["variant"] = table["variant"]
    for name in _distinguishing(table):
        shown[name] = table[name].map(lambda value: "" if pd.isna(value) else str(value)[:_SHOWN_DIGITS])
    shown["n"] = table["n"].map(str)
    shown["srocc"] = table["srocc"].map(_number)
    shown["95% interval"] = table[["srocc_low", "srocc_high"]].apply(_interval, axis=1)
    shown |= {name: table[name].map(_number) for name in METRICS[1:]}
    if (table["status"] != "ok").any():
        shown["status"] = table["status"]
    if table["stand_in"].any():
        shown["dataset"] = shown["dataset"].where(~table["stand_in"], shown["dataset"] + "*")
    lines = aligned(shown)
    if table["stand_in"].any():
        lines += ["", "* stands in for a database: its labels are computed, not given by people"]
    lines += [f"passed over: {file}: {reason}" for file, reason in table.attrs.get("unreadable", [])]
    lines += table.attrs.get("notes", [])
    return "\n".join(lines) + "\n"


def _distinguishing(table: pd.DataFrame) -> list[str]:
    """The columns that tell apart rows which agree in `IDENTITY` and are the same variant."""
    groups = table.groupby([*IDENTITY, "variant"], dropna=False)
    start, stop = COLUMNS.index("limit"), COLUMNS.index("stand_in")
    return [name for name in COLUMNS[start:stop] if (groups[name].nunique(dropna=False) > 1).any()]


def _number(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.4f}"


def _interval(bounds: pd.Series) -> str:
    low, high = bounds
    return "" if pd.isna(low) else f"[{low:.3f}, {high:.3f}]"
