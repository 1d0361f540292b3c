"""Scores that noise does not move at all."""

import torch

from ..evidence import EXACT, GREY_LEVEL, Evidence, share
from ..finding import Measured, indicator

USUAL_SPAN = 0.1  # of clean scores, at least, on a scale from 0 to 1


@indicator(
    name="noise moves nothing",
    threshold=0.1,
    source="Carlini et al. 2019: random noise as a sanity check",
    advice="Look for rounded inputs or outputs, a saturated output, or answers that are looked up.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images whose score is the same to the last digits under noise."""
    clean = evidence.once(evidence.images)
    moves = [evidence.once(evidence.noisy(levels * GREY_LEVEL)) - clean for levels in (1, 4)]
    exact = EXACT * min(1.0, evidence.span / USUAL_SPAN)  # scores in float64 may lie much closer together
    value = share(torch.stack(moves).abs() <= exact)
    return Measured(
        value, f"Noise of 1 and of 4 grey levels leaves {value:.0%} of the scores exactly as they were."
    )
