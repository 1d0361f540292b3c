"""What `iqabench check` finds: all numbers that were compared, the exit status, text, JSON and JUnit."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...bench.core.text import aligned, difference, number, plural
from ..catalogue import metric_name, ordered
from .comparison import ROUNDING, STATUSES, Comparison
from .junit import Case, Outcome

HOLDS, FAILS, UNUSABLE = 0, 1, 2
"""Exit statuses: all that was compared holds; something does not; there is nothing to compare."""

_LINES_SHOWN = 20  # maximum lines per section of the text


@dataclass(frozen=True)
class Check:
    """All comparisons with one source."""

    against: str  # `published`, or the file of the pinned numbers
    # one for each expected number, or several where several variants stand for it
    comparisons: tuple[Comparison, ...]
    tolerances: Mapping[str, float]  # by metric
    # whether an expected number that was not run, or cannot be compared, fails the check: so it is for a
    # pinned number, as a guard that stopped running guards nothing, and not for a paper's
    guarding: bool
    advice: str  # what to do if there is nothing to compare
    notes: tuple[str, ...] = ()  # what was left out or should be known besides, in sentences

    @property
    def counts(self) -> dict[str, int]:
        """Count the comparisons of each of `STATUSES`."""
        found = [comparison.status for comparison in self.comparisons]
        return {status: found.count(status) for status in STATUSES}

    @property
    def compared(self) -> bool:
        """True where any number could be compared."""
        return any(comparison.moved or comparison.status == "holds" for comparison in self.comparisons)

    @property
    def exit_status(self) -> int:
        """`HOLDS`, `FAILS` or `UNUSABLE`."""
        if not self.compared:
            return UNUSABLE
        return FAILS if any(self.fails(comparison) for comparison in self.comparisons) else HOLDS

    def fails(self, comparison: Comparison) -> bool:
        """Return whether a comparison fails the check."""
        return comparison.moved or (self.guarding and comparison.status != "holds")

    def record(self) -> dict[str, Any]:
        """Return the check as JSON can hold it."""
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
        """Yield JUnit's cases: what fails the check is a failure; what else was not compared is skipped."""
        for comparison in self.comparisons:
            group = f"{comparison.condition.dataset}/{comparison.condition.model}"
            outcome: Outcome = "failed" if self.fails(comparison) else "skipped"
            if comparison.status == "holds":
                outcome = "passed"
            yield Case(group, comparison.name, outcome, comparison.status, comparison.sentence)

    @property
    def suite(self) -> str:
        """Name of the JUnit test suite."""
        return f"iqabench check --against {self.against}"

    def text(self) -> str:
        """Return the counts, then what moved, worst first, then what was not run, then the notes."""
        counts = ", ".join(f"{status} {count}" for status, count in self.counts.items())
        allowed = ", ".join(f"{metric_name(name)} {value:g}" for name, value in self.tolerances.items())
        lines = [
            f"Against {self.against}, {plural(len(self.comparisons), 'number')}: {counts}.",
            f"A number holds within these differences, up or down: {allowed}.",
        ]
        if not self.compared:
            lines = [f"Nothing to compare with {self.against}: {self.advice}", *lines]
        moved = sorted((one for one in self.comparisons if one.moved), key=_severity)
        if moved:
            lines += ["", "What does not hold, worst first:", ""]
            lines += [*aligned(_columns(moved[:_LINES_SHOWN])), *_remainder(len(moved))]
        for status in ("not run", "not comparable"):
            missing = [one for one in self.comparisons if one.status == status]
            listed = _each(missing) if self.guarding or status == "not comparable" else _by_dataset(missing)
            if listed:
                lines += ["", f"{status.capitalize()}{', which fails the check' * self.guarding}:"]
                lines += [*(f"  {line}" for line in listed[:_LINES_SHOWN]), *_remainder(len(listed))]
        return with_notes(lines, self.notes)


def stand_ins(frame: pd.DataFrame) -> list[str]:
    """Return the datasets of results that stand in for others."""
    return ordered("dataset", frame["dataset"][frame["stand_in"].astype(bool)])


def with_notes(lines: Sequence[str], notes: Sequence[str]) -> str:
    """Return lines as text, with the notes below."""
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _severity(comparison: Comparison) -> tuple[bool, bool, float]:
    """Sort numbers that are not there first, then by status, then by their distance in tolerances."""
    gap = comparison.difference
    distance = 0.0 if math.isnan(gap) else abs(gap) / max(comparison.tolerance, ROUNDING)
    return not math.isnan(gap), comparison.status == "exceeds", -distance


def _columns(comparisons: Sequence[Comparison]) -> dict[str, list[str]]:
    rows = [_row(comparison) for comparison in comparisons]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    usual = {"table": "", "variant": "", "regime": "clean"}
    return {name: values for name, values in columns.items() if {*values} != {usual.get(name)}}


def _row(comparison: Comparison) -> dict[str, str]:
    condition, missing = comparison.condition, math.isnan(comparison.difference)
    return {
        "table": comparison.table,
        "dataset": condition.dataset,
        "model": condition.model,
        "variant": condition.variant,
        "regime": condition.regime,
        "seed": ",".join(map(str, condition.seeds)),
        "attack": condition.attack,
        "epsilon": f"{condition.epsilon:g}",
        "metric": comparison.metric,
        "expected": number(comparison.expected),
        "measured": number(comparison.measured),
        "difference": "" if missing else difference(comparison.measured, comparison.expected),
        "status": ": ".join(filter(None, [comparison.status, comparison.reason])),
    }


def _each(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a line for each condition; its reason is the same for every metric."""
    reasons = {found.condition.phrase: found.reason for found in comparisons}
    return [f"{phrase}: {reason}" if reason else phrase for phrase, reason in reasons.items()]


def _by_dataset(comparisons: Sequence[Comparison]) -> list[str]:
    tables = [f"{found.table}, {found.condition.dataset}" for found in comparisons]
    return [f"{table}: {plural(tables.count(table), 'number')}" for table in dict.fromkeys(tables)]


def _remainder(count: int) -> list[str]:
    return [f"  and {count - _LINES_SHOWN} more: --json lists all"] if count > _LINES_SHOWN else []
