"""What `iqabench check` finds: all numbers that were compared, the exit status, text, JSON and JUnit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .comparison import STATUSES, Comparison
from .junit import Case, Outcome
from .words import check_text, comparison_sentence

HOLDS, FAILS, UNUSABLE = 0, 1, 2
"""Exit statuses: all that was compared holds; something does not; there is nothing to compare."""


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
            yield Case(group, comparison.name, outcome, comparison.status, comparison_sentence(comparison))

    @property
    def suite(self) -> str:
        """Name of the JUnit test suite."""
        return f"iqabench check --against {self.against}"

    def text(self) -> str:
        """Return the check for people."""
        return check_text(self)
