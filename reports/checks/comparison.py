"""One measured number beside the one expected of it, and whether it holds.

A number holds if it differs from the expected one by no more than the metric's tolerance. Beyond that a
worse number falls short and a better one exceeds, and both fail the check: a robust correlation that is
suddenly high is more often an attack that stopped working than a model that got better, and a number that
moved, either way, is one to look at before it is cited or pinned anew. A cell without usable scores never
holds.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from ...bench.statistics.metrics import OK
from ...bench.store.condition import Condition
from ..catalogue import higher_is_better, metric_name

Status = Literal["holds", "falls short", "exceeds", "not run", "not comparable"]

STATUSES: tuple[Status, ...] = get_args(Status)

ROUNDING = 1e-9
"""Allowed beyond a tolerance, so that 0.90 and 0.85 are within 0.05 of one another in binary, too."""


@dataclass(frozen=True)
class Comparison:
    """One number beside the one that was expected: not run, unless `judged` says whether it holds."""

    table: str  # of a paper, such as `cprl, Table 1`; empty for a pinned number
    condition: Condition  # what was measured
    metric: str  # `srocc`, `plcc`, `mse` or `worst_srocc`
    expected: float  # the published or pinned number; NaN if there was none to pin
    tolerance: float  # by how much they may differ
    measured: float = math.nan  # the number in the store; NaN where there is none
    status: Status = "not run"
    # why there is no number, or none to compare; else what changed beside a number that moved
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

    @property
    def sentence(self) -> str:
        """What a JUnit report says of a number that is not as expected."""
        if math.isnan(self.difference):
            return self.reason or self.status
        reason = f"; {self.reason}" if self.reason else ""
        return (
            f"{metric_name(self.metric)} {self.measured:z.4f}, expected {self.expected:z.4f} "
            f"within {self.tolerance:g}: {self.status} by {abs(self.difference):.4f}{reason}"
        )

    def judged(self, measured: float, *, status: str = OK, changed: str = "") -> "Comparison":
        """Judge a number of the store, which never holds if the evaluation behind it is not `ok`.

        `changed` is what else differs, the reason given if the number does not hold.
        """
        gap = measured - self.expected
        verdict: Status = "falls short"
        if status != OK:
            measured, reason = math.nan, status
        elif math.isnan(self.expected):
            verdict, reason = "exceeds", "there was no number to pin"
        elif math.isnan(measured):
            reason = "no number"
        elif abs(gap) <= self.tolerance + ROUNDING:
            verdict, reason = "holds", ""
        else:
            reason = changed
            if (gap > 0) == higher_is_better(self.metric):
                verdict = "exceeds"
        return replace(self, measured=measured, status=verdict, reason=reason)

    def record(self) -> dict[str, Any]:
        """Return the comparison as flat JSON, with null for a number that is not there."""
        names = ("expected", "measured", "difference", "tolerance")
        numbers = {name: getattr(self, name) for name in names}
        numbers = {name: None if math.isnan(value) else value for name, value in numbers.items()}
        condition = asdict(self.condition) | {"seeds": list(self.condition.seeds)}
        verdict = {"status": self.status, "reason": self.reason}
        return {"table": self.table, **condition, "metric": self.metric, **numbers, **verdict}
