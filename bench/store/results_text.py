"""Results as text: a table for people, CSV or JSON."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from ..core.errors import UserError, nearest
from ..core.text import aligned, parameters
from ..statistics.metrics import METRICS
from .results import COLUMNS, IDENTITY, RESIZE, Results

FORMATS = ("table", "csv", "json")

_WHICH_TO_BELIEVE = (
    "Where there is a worst srocc, believe it: SROCC under an attack that has none can overstate robustness"
)
_SHOWN_DIGITS = 10  # of a digest, in the table for people


def render_results(results: Results, form: Literal["table", "csv", "json"] = "table") -> str:
    """Return results as text.

    `csv` and `json` (a list of rows, undefined numbers as null) hold all columns in full precision; `table`
    is for people: the metrics, whatever tells rows of one name apart, and what was left out.

    Raises:
        UserError: an unknown form.
    """
    if form == "csv":
        return results.frame.to_csv(index=False, lineterminator="\n")
    if form == "json":
        return json_rows(results.frame)
    if form == "table":
        return "\n".join([*_table(results.frame), *results.left_out]) + "\n"
    raise UserError(f"unknown format {form!r}: {nearest(form, FORMATS)}")


def json_rows(frame: pd.DataFrame) -> str:
    """Return rows of results as a JSON list, undefined numbers as null."""
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return "[\n" + ",\n".join(json.dumps(record, allow_nan=False) for record in records) + "\n]\n"


def _table(frame: pd.DataFrame) -> list[str]:
    shown = {name: frame[name].map(str) for name in IDENTITY}
    shown["epsilon"] = frame["epsilon"].map("{:g}".format)
    for name, usual in {"variant": "", "defence": "", "knowledge": "", "pixels": RESIZE}.items():
        if (frame[name] != usual).any():
            shown[name] = frame[name]
    for name in _distinguishing(frame):
        shown[name] = _differing(frame, name) if name.endswith("_params") else frame[name].map(_cut)
    shown["n"] = frame["n"].map(str)
    shown["srocc"] = frame["srocc"].map(_number)
    shown["95% interval"] = frame[["srocc_low", "srocc_high"]].apply(_interval, axis=1)
    shown |= {name: frame[name].map(_number) for name in METRICS[1:]}
    for name in ("worst_srocc", "median_width"):
        if frame[name].notna().any():
            shown[name.replace("_", " ")] = frame[name].map(_number)
    if frame["psnr"].notna().any():
        shown["psnr"] = frame["psnr"].map(lambda value: "-" if pd.isna(value) else f"{value:.2f}")
    if (frame["status"] != "ok").any():
        shown["status"] = frame["status"]
    if frame["stand_in"].any():
        shown["dataset"] = shown["dataset"].where(~frame["stand_in"], shown["dataset"] + "*")
    lines = aligned(shown)
    alone = (frame["attack"] != "none") & frame["worst_srocc"].isna() & frame["srocc"].notna()
    if alone.any() and frame["worst_srocc"].notna().any():
        lines += ["", _WHICH_TO_BELIEVE]
    if frame["stand_in"].any():
        lines += ["", "* stands in for a database: its labels are computed, not given by people"]
    return lines


def _distinguishing(frame: pd.DataFrame) -> list[str]:
    """Return the columns that tell apart rows which agree in `IDENTITY` and are the same variant."""
    groups = frame.groupby([*IDENTITY, "variant"], dropna=False)
    start, stop = COLUMNS.index("limit"), COLUMNS.index("stand_in")
    names = [name for name in COLUMNS[start:stop] if name != "pixels"]
    return [name for name in names if (groups[name].nunique(dropna=False) > 1).any()]


def _differing(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return the parameters in which rows of one name differ, as in `steps 10`; empty for other rows."""
    texts = dict.fromkeys(frame.index, "")
    for _, rows in frame.groupby([*IDENTITY, "variant"], dropna=False):
        if rows[name].nunique() > 1:
            told = _unlike([json.loads(text or "{}") for text in rows[name]])
            texts.update(zip(rows.index, told, strict=True))
    return pd.Series(texts)


def _unlike(found: Sequence[Any]) -> list[str]:
    """Return what differs between parameters, in words; of defences, which are lists, all of it as JSON."""
    if not all(isinstance(one, dict) for one in found):
        return [json.dumps(one) if one else "" for one in found]
    names = dict.fromkeys(name for one in found for name in one)
    differing = [name for name in names if any(one.get(name) != found[0].get(name) for one in found)]
    return [parameters(json.dumps({name: one.get(name) for name in differing})) for one in found]


def _cut(value: Any) -> str:
    return "" if pd.isna(value) else str(value)[:_SHOWN_DIGITS]


def _number(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:z.4f}"


def _interval(bounds: pd.Series) -> str:
    low, high = bounds
    return "" if pd.isna(low) else f"[{low:z.3f}, {high:z.3f}]"
