"""A comparison of two models in sentences, as a table, CSV or JSON."""

from typing import Literal

import pandas as pd

from ...bench.core.text import aligned, capitalised, interval, number, plural
from ...bench.store.condition import under
from ...bench.store.results_text import json_rows
from ..catalogue import metric_name
from .pairs import LEVEL, Compared, Comparison

_DIGITS = 3


def render_comparison(found: Comparison, form: Literal["table", "csv", "json"]) -> str:
    """Return a comparison as text: sentences and a table, or a row per comparison as CSV or JSON."""
    if form == "csv":
        return frame_of(found).to_csv(index=False, lineterminator="\n")
    if form == "json":
        return json_rows(frame_of(found))
    lines = [
        f"Is {found.second} more robust than {found.first}, on the same images?",
        "",
        _verdict(found),
        "",
    ]
    lines += [_sentence(one, found) for one in found.compared]
    return "\n".join([*lines, "", *_table(found), *([""] if found.notes else []), *found.notes]) + "\n"


def frame_of(found: Comparison) -> pd.DataFrame:
    """Return a row for each comparison, with undefined numbers as NaN."""
    names = {0: "", 1: found.first, 2: found.second}
    return pd.DataFrame(
        {
            "dataset": one.dataset,
            "attack": one.attack,
            "epsilon": one.epsilon,
            "metric": one.metric,
            "images": one.images,
            "first": found.first,
            "second": found.second,
            "value_first": one.difference.first,
            "value_second": one.difference.second,
            "difference": one.difference.value,
            "low": one.difference.low,
            "high": one.difference.high,
            "p": one.difference.p,
            "p_holm": one.p,
            "better": names[one.ahead],
        }
        for one in found.compared
    )


def _verdict(found: Comparison) -> str:
    ahead = [one.ahead for one in found.compared]
    return (
        f"Of {plural(len(ahead), 'comparison')}, {found.second} is better in {ahead.count(2)} and "
        f"{found.first} in {ahead.count(1)}; {ahead.count(0)} cannot be told apart, at a level of "
        f"{LEVEL:.0%} for all together (Holm's correction)."
    )


def _sentence(one: Compared, found: Comparison) -> str:
    condition = f"{capitalised(under(one.attack, one.epsilon))} on {one.dataset}"
    gap = one.difference
    if gap.p != gap.p:
        return f"{condition}, nothing can be said: a {metric_name(one.metric)} is undefined."
    shown = (
        f"{metric_name(one.metric)} {number(gap.second, _DIGITS)} against {number(gap.first, _DIGITS)}, "
        f"difference {number(gap.value, _DIGITS)} {interval(gap.low, gap.high, _DIGITS)}, p {_p(one.p)}"
    )
    if not one.ahead:
        return f"{condition}, they cannot be told apart: {shown}."
    winner = found.second if one.ahead == 2 else found.first
    what = "ranks images better" if one.attack == "none" or one.control else "is more robust"
    return f"{condition}, {winner} {what}: {shown}."


def _table(found: Comparison) -> list[str]:
    rows, names = found.compared, {0: "–", 1: found.first, 2: found.second}
    return aligned(
        {
            "dataset": [one.dataset for one in rows],
            "attack": [one.attack for one in rows],
            "epsilon": [f"{one.epsilon:g}" for one in rows],
            "images": [str(one.images) for one in rows],
            "metric": [metric_name(one.metric) for one in rows],
            found.first: [number(one.difference.first, _DIGITS) for one in rows],
            f"{found.second} ": [number(one.difference.second, _DIGITS) for one in rows],
            "difference": [number(one.difference.value, _DIGITS) for one in rows],
            "95% interval": [interval(one.difference.low, one.difference.high, _DIGITS) for one in rows],
            "p (Holm)": [_p(one.p) for one in rows],
            "better": [names[one.ahead] for one in rows],
        }
    )


def _p(value: float) -> str:
    """Return a p-value so that it is below the level, as printed, where it is below."""
    if value < LEVEL <= round(value, _DIGITS):
        return f"<{LEVEL:g}"
    return "<0.001" if value < 0.001 else number(value, _DIGITS)
