"""One measured number beside the one expected of it, and whether it holds.

A number holds if it differs from the expected one by no more than the metric's tolerance. Beyond that a
worse number falls short and a better one exceeds, and both fail the check: a robust correlation that is
suddenly high is more often an attack that stopped working than a model that got better, and a number that
moved, either way, is one to look at before it is cited or pinned anew. A cell without usable scores never
holds.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ...bench.statistics.metrics import OK
from ...bench.store.condition import Condition
from ..catalogue import higher_is_better, metric_name
from .words import ROUNDING

Status = Literal["holds", "falls short", "exceeds", "not run", "not comparable"]

STATUSES: tuple[Status, ...] = ("holds", "falls short", "exceeds", "not run", "not comparable")


@dataclass(frozen=True)
class Comparison:
    """One number beside the one that was expected.

    Attributes:
        table: Of a paper, such as `cprl, Table 1`; empty for a pinned number.
        condition: What was measured.
        metric: `srocc`, `plcc` or `mse`.
        expected: The published or pinned number; NaN if there was none to pin.
        measured: The number in the store; NaN where there is none.
        tolerance: By how much they may differ.
        status: Whether it holds.
        reason: Why there is no number, or none to compare; else what changed beside a number that moved.
    """

    table: str
    condition: Condition
    metric: str
    expected: float
    measured: float
    tolerance: float
    status: Status
    reason: str = ""

    @property
    def difference(self) -> float:
        """Measured minus expected; NaN where either is."""
        return self.measured - self.expected

    @property
    def moved(self) -> bool:
        """True where there is a number to compare, and it does not hold."""
        return self.status in ("falls short", "exceeds")

    @property
    def name(self) -> str:
        """A phrase that no other comparison of a check has."""
        table = f"{self.table}: " if self.table else ""
        return f"{table}{self.condition.phrase}: {metric_name(self.metric)}"

    def record(self) -> dict[str, Any]:
        """Return the comparison as flat JSON, with null for a number that is not there."""
        numbers = {
            name: _or_none(getattr(self, name))
            for name in ("expected", "measured", "difference", "tolerance")
        }
        condition = asdict(self.condition) | {"seeds": list(self.condition.seeds)}
        verdict = {"status": self.status, "reason": self.reason}
        return {"table": self.table, **condition, "metric": self.metric, **numbers, **verdict}


def compared(
    table: str,
    condition: Condition,
    metric: str,
    expected: float,
    measured: float,
    tolerance: float,
    *,
    status: str = OK,
    changed: str = "",
) -> Comparison:
    """Judge one number.

    Args:
        table: Of a paper, or empty.
        condition: What was measured.
        metric: Its name.
        expected: The published or pinned number; NaN if there was none.
        measured: The number in the store.
        tolerance: By how much they may differ.
        status: Of the evaluation behind `measured`; other than `ok`, the number never holds.
        changed: What else differs; given as the reason if the number does not hold.
    """
    if status != OK:
        return Comparison(table, condition, metric, expected, math.nan, tolerance, "falls short", status)
    gap = measured - expected
    if math.isnan(gap):
        reason = "there was no number to pin" if math.isnan(expected) else "no number"
        verdict: Status = "exceeds" if math.isnan(expected) else "falls short"
        return Comparison(table, condition, metric, expected, measured, tolerance, verdict, reason)
    if abs(gap) <= tolerance + ROUNDING:
        return Comparison(table, condition, metric, expected, measured, tolerance, "holds")
    verdict = "exceeds" if (gap > 0) == higher_is_better(metric) else "falls short"
    return Comparison(table, condition, metric, expected, measured, tolerance, verdict, changed)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
