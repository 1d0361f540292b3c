"""Searches that still climb when they end."""

import torch

from ..evidence import Evidence
from ..finding import Measured, indicator


@indicator(
    name="still climbing",
    threshold=0.2,
    source="Carlini et al. 2019: verify that attacks have converged; Pintor et al. 2022, 'increasing loss'. "
    "A fifth of the steps that makes a fifth of the gain has not slowed down at all",
    advice="Attack with more steps until the number no longer falls.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure how much of the whole gain came in the last fifth of the steps."""
    search = evidence.searches[0]
    moved = search.gain > 0.01 * evidence.span
    if not moved.any():
        return Measured(None, "Not measured: the search moves no score, which other indicators tell.")
    late = torch.clamp(search.late_gain[moved].sum(), min=0)
    value = float(late / search.gain[moved].sum())
    return Measured(value, f"The last fifth of {evidence.steps} steps made {value:.0%} of the gain.")
