"""Scores that are not numbers."""

from ..evidence import Evidence
from ..finding import Measured, indicator


@indicator(
    name="scores not finite",
    threshold=0.0,
    source="Pintor et al. 2022: failures of the implementation come before those of the attack",
    advice="Find the operation that leaves its domain; an attack cannot climb a score that is not a number.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of scores that are NaN or infinite, among all that the audit asked for so far."""
    value = evidence.nonfinite / evidence.scored
    return Measured(value, f"{evidence.nonfinite} of {evidence.scored} scores are NaN or infinite.")
