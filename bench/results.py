"""The table of results: one row per cell of a store, its metrics computed from the raw scores."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pyarrow import ArrowException

from .errors import UserError, nearest
from .metrics import METRICS, evaluate
from .store import Store, StoredCell

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

_ORDERS = {"dataset": DATASET_ORDER, "model": MODEL_ORDER, "attack": ATTACK_ORDER}
_CONTEXT = ("profile", "device", "created", "checkpoint", "command", "seconds")
_WHOLE_NUMBERS = ("limit", "image_size", "split_seed", "batch_size")
_SHOWN_DIGITS = 10  # of a digest, in the table for people


def results_table(store: Store | Path, *, resamples: int = 1000) -> pd.DataFrame:
    """Evaluate every cell of a store.

    Args:
        store: A store, or its folder.
        resamples: Bootstrap resamples behind the bounds `*_low` and `*_high`; 0 leaves them undefined.

    Returns:
        A row per cell with `COLUMNS`, in the paper's order of datasets and models. `attack` is `none` and
        `epsilon` 0 for clean images; `epsilon` is in units of 1/255. `status` is `ok`, or why metrics are
        NaN. `attrs["unreadable"]` lists the (file, reason) of what could not be read.

    Raises:
        UserError: the store holds no readable cell.
    """
    store = store if isinstance(store, Store) else Store(Path(store))
    rows, damaged = [], []
    for cell in store.cells():
        try:
            rows.append(_row(cell, store.root, resamples))
        except (ArrowException, OSError, KeyError) as error:
            damaged.append((cell.path, f"damaged ({_first_line(error)})"))
    unreadable = [(_relative(path, store.root), reason) for path, reason in [*store.unreadable, *damaged]]
    if not rows:
        raise UserError(_nothing_in(store.root, unreadable))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(_WHOLE_NUMBERS, "Int64"))
    table = table.iloc[_paper_order(table)].reset_index(drop=True)
    table.attrs["unreadable"] = unreadable
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


def ordered(kind: Literal["dataset", "model", "attack"], names: Iterable[str]) -> list[str]:
    """Names without repetition, those of the paper first and in its order, then the others by alphabet."""
    return sorted(set(names), key=lambda name: (_rank(kind, name), name))


def _row(stored: StoredCell, root: Path, resamples: int) -> dict[str, Any]:
    cell, context = stored.provenance["cell"], stored.provenance["context"]
    scores = stored.scores()
    evaluation = evaluate(scores["quality"], scores["score"], resamples=resamples)
    row = {name: cell.get(name) for name in COLUMNS if name in cell}
    row |= {name: context.get(name) for name in _CONTEXT}
    row |= {
        "variant": cell.get("variant", ""),
        "n": evaluation.n,
        "status": evaluation.status,
        "model_params": _compact(cell["model_params"]),
        "attack_params": _compact(cell["attack_params"]),
        "stand_in": bool(context.get("stand_in", False)),
        "versions": ", ".join(f"{name} {text}" for name, text in context.get("versions", {}).items()),
        "key": stored.provenance["key"],
        "file": _relative(stored.path, root),
    }
    for name, measure in evaluation.measures.items():
        row |= {name: measure.value, f"{name}_low": measure.low, f"{name}_high": measure.high}
    return row


def _paper_order(table: pd.DataFrame) -> list[int]:
    keys = [
        [(_rank(name, value), value) if name in _ORDERS else value for name, value in row.items()]
        for row in table[[*IDENTITY, "created", "key"]].fillna({"created": ""}).to_dict("records")
    ]
    return sorted(range(len(keys)), key=keys.__getitem__)


def _rank(kind: str, name: str) -> int:
    order = _ORDERS[kind]
    return order.index(name) if name in order else len(order)


def _compact(params: dict[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def _relative(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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


def aligned(columns: dict[str, Any]) -> list[str]:
    """Lines of a table for people: names to the left, numbers to the right.

    Args:
        columns: Texts by heading, the same number under each; `dataset` is one of them.
    """
    texts = {"dataset", "model", "regime", "attack", "variant", "status"}
    lines = [""] * (len(columns["dataset"]) + 1)
    for name, values in columns.items():
        cells = [name, *values]
        width = max(map(len, cells))
        align = str.ljust if name in texts else str.rjust
        lines = [f"{line}  {align(cell, width)}" for line, cell in zip(lines, cells, strict=True)]
    return [line.strip() for line in lines]
