"""Searches from different starts that end at different scores."""

import torch

from ..evidence import Evidence
from ..finding import Measured, indicator


@indicator(
    name="starts disagree",
    threshold=0.5,
    source="Carlini et al. 2019: use random restarts; Croce et al. 2020",
    advice="The score is rough where attacks climb: use many restarts, and keep the best for each image.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the spread of the gains over starts, as a share of the largest."""
    gains = torch.stack([search.gain for search in evidence.searches])
    best = gains.amax(0)
    moved = best > 0.01 * evidence.span
    if not moved.any():
        return Measured(None, "Not measured: no search moves a score, which other indicators tell.")
    value = float(((best - gains.amin(0)) / best.clamp(min=1e-12))[moved].median())
    return Measured(
        value, f"The worst of {len(gains)} starts falls short of the best by {value:.0%} of its gain."
    )
