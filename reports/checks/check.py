"""What `iqabench check` finds: all numbers that were compared, the exit status, text, JSON and JUnit."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...bench.core.text import aligned, number, plural
from ...bench.core.text import difference as signed
from ..catalogue import metric_name, ordered
from .comparison import ROUNDING, STATUSES, Comparison
from .junit import Case, Outcome

HOLDS, FAILS, UNUSABLE = 0, 1, 2
"""Exit statuses: all that was compared holds; something does not; there is nothing to compare."""

LINES_SHOWN = 20
"""Of each part of the text for people."""


@dataclass(frozen=True)
class Check:
    """All comparisons with one source.

    Attributes:
        against: `published`, or the file of the pinned numbers.
        comparisons: One for each expected number, or several where several variants stand for it.
        tolerances: By metric.
        guarding: Whether an expected number that was not run, or cannot be compared, fails the check: so it
            is for a pinned number, as a guard that stopped running guards nothing, and not for a paper's.
        advice: What to do if there is nothing to compare.
        notes: What was left out or should be known besides, in sentences.
    """

    against: str
    comparisons: tuple[Comparison, ...]
    tolerances: Mapping[str, float]
    guarding: bool
    advice: str
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many comparisons have each of `STATUSES`."""
        found = [comparison.status for comparison in self.comparisons]
        return {status: found.count(status) for status in STATUSES}

    @property
    def exit_status(self) -> int:
        """0: all that was compared holds; 1: something fails; 2: nothing could be compared."""
        counts = self.counts
        if not counts["holds"] + counts["falls short"] + counts["exceeds"]:
            return UNUSABLE
        return FAILS if any(self.fails(comparison) for comparison in self.comparisons) else HOLDS

    def fails(self, comparison: Comparison) -> bool:
        """Whether a comparison fails the check."""
        if comparison.status in ("not run", "not comparable"):
            return self.guarding
        return comparison.status != "holds"

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "against": self.against,
            "verdict": ("holds", "falls short", "nothing to compare")[self.exit_status],
            "exit_status": self.exit_status,
            "counts": self.counts,
            "tolerances": dict(self.tolerances),
            "comparisons": [comparison.record() for comparison in self.comparisons],
            "notes": list(self.notes),
        }

    def cases(self) -> Iterator[Case]:
        """For JUnit: what fails the check is a failure; what else was not compared is skipped."""
        for comparison in self.comparisons:
            group = f"{comparison.condition.dataset}/{comparison.condition.model}"
            outcome: Outcome = "failed" if self.fails(comparison) else "skipped"
            if comparison.status == "holds":
                outcome = "passed"
            yield Case(group, comparison.name, outcome, comparison.status, _sentence(comparison))

    @property
    def suite(self) -> str:
        """Name of the JUnit test suite."""
        return f"iqabench check --against {self.against}"

    def text(self) -> str:
        """For people: counts, then what moved, worst first, then what was not run."""
        return "\n".join([*self._summary(), *self._moved(), *self._missing(), *self._notes()]) + "\n"

    def _summary(self) -> Iterator[str]:
        if self.exit_status == UNUSABLE:
            yield f"Nothing to compare with {self.against}: {self.advice}"
        counts = ", ".join(f"{status} {count}" for status, count in self.counts.items())
        yield f"Against {self.against}, {plural(len(self.comparisons), 'number')}: {counts}."
        allowed = ", ".join(f"{metric_name(name)} {value:g}" for name, value in self.tolerances.items())
        yield f"A number holds within these differences, up or down: {allowed}."

    def _moved(self) -> Iterator[str]:
        moved = sorted(
            (found for found in self.comparisons if found.status in ("falls short", "exceeds")),
            key=_severity,
        )
        if moved:
            yield from ["", "What does not hold, worst first:", ""]
            yield from aligned(_columns(moved[:LINES_SHOWN]))
            yield from _remainder(len(moved))

    def _missing(self) -> Iterator[str]:
        for status in ("not run", "not comparable"):
            missing = [found for found in self.comparisons if found.status == status]
            lines = _each(missing) if self.guarding or status == "not comparable" else _by_dataset(missing)
            if lines:
                yield from ["", f"{status.capitalize()}{', which fails the check' * self.guarding}:"]
                yield from (f"  {line}" for line in lines[:LINES_SHOWN])
                yield from _remainder(len(lines))

    def _notes(self) -> Iterator[str]:
        if self.notes:
            yield from ["", *self.notes]


def stand_ins(results: pd.DataFrame) -> list[str]:
    """The datasets of a results table that stand in for others."""
    return ordered("dataset", results["dataset"][results["stand_in"].astype(bool)])


def _severity(comparison: Comparison) -> tuple[bool, bool, float]:
    """Sorts numbers that are not there first, then by status, then by their distance in tolerances."""
    gap = comparison.difference
    distance = 0.0 if math.isnan(gap) else abs(gap) / max(comparison.tolerance, ROUNDING)
    return not math.isnan(gap), comparison.status == "exceeds", -distance


def _columns(comparisons: Sequence[Comparison]) -> dict[str, list[str]]:
    conditions = [comparison.condition for comparison in comparisons]
    columns = {
        "table": [comparison.table for comparison in comparisons],
        "dataset": [condition.dataset for condition in conditions],
        "model": [condition.model for condition in conditions],
        "variant": [condition.variant for condition in conditions],
        "regime": [condition.regime for condition in conditions],
        "seed": [",".join(map(str, condition.seeds)) for condition in conditions],
        "attack": [condition.attack for condition in conditions],
        "epsilon": [f"{condition.epsilon:g}" for condition in conditions],
        "metric": [comparison.metric for comparison in comparisons],
        "expected": [number(comparison.expected) for comparison in comparisons],
        "measured": [number(comparison.measured) for comparison in comparisons],
        "difference": [_signed(comparison) for comparison in comparisons],
        "status": [_status_and_reason(comparison) for comparison in comparisons],
    }
    usual = {"table": "", "variant": "", "regime": "clean"}
    return {name: values for name, values in columns.items() if {*values} != {usual.get(name)}}


def _signed(comparison: Comparison) -> str:
    missing = math.isnan(comparison.difference)
    return "" if missing else signed(comparison.measured, comparison.expected)


def _status_and_reason(comparison: Comparison) -> str:
    return f"{comparison.status}: {comparison.reason}" if comparison.reason else comparison.status


def _sentence(comparison: Comparison) -> str:
    """What a JUnit report says of a number that is not as expected."""
    if math.isnan(comparison.difference):
        return comparison.reason or comparison.status
    reason = f"; {comparison.reason}" if comparison.reason else ""
    return (
        f"{metric_name(comparison.metric)} {comparison.measured:.4f}, expected {comparison.expected:.4f} "
        f"within {comparison.tolerance:g}: {comparison.status} by {abs(comparison.difference):.4f}{reason}"
    )


def _each(comparisons: Sequence[Comparison]) -> list[str]:
    reasons = {
        found.condition.phrase: found.reason for found in comparisons
    }  # of a condition, the same for every metric
    return [f"{phrase}: {reason}" if reason else phrase for phrase, reason in reasons.items()]


def _by_dataset(comparisons: Sequence[Comparison]) -> list[str]:
    places = [f"{found.table}, {found.condition.dataset}" for found in comparisons]
    return [f"{place}: {plural(places.count(place), 'number')}" for place in dict.fromkeys(places)]


def _remainder(count: int) -> Iterator[str]:
    if count > LINES_SHOWN:
        yield f"  and {count - LINES_SHOWN} more: --json lists all"
