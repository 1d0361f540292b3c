"""A score that depends on what was scored before."""

from ..evidence import Evidence
from ..finding import Measured, indicator
from .passes import TOLERANCE

DRAWS = 8  # of a random model


@indicator(
    name="keeps state",
    threshold=TOLERANCE,
    source="Carlini et al. 2019: test the defence as it is used; a score is a function of its image",
    advice="Take out what the model keeps between calls: counters, running statistics, remembered answers.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure how far scores are from those before the audit, and from those of a copy that missed it.

    Images that are new to both are scored by the copy at once, and by the model after noisy versions of them,
    so that an answer kept from a similar image shows.
    """
    found = [(evidence.clean, evidence.mean(evidence.images, DRAWS))]
    if evidence.fresh is not None:
        new = evidence.images.flip(3) * 0.9
        evidence.once(new + 0.004)
        untouched = evidence.mean(new, DRAWS, model=evidence.fresh)
        found.append((untouched, evidence.mean(new, DRAWS)))
    value = max(evidence.changed(before, after) for before, after in found)
    return Measured(value, f"Scores change by up to {evidence.amount(value)} with what was scored before.")
