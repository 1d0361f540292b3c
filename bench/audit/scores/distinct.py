"""Scores that take few distinct values."""

import torch

from ..evidence import GREY_LEVEL, Evidence
from ..finding import Measured, indicator


@indicator(
    name="few distinct scores",
    threshold=0.8,
    source="Athalye et al. 2018, shattered gradients: quantised outputs",
    advice="Attack the score before it is rounded or saturated.",
    doubtful="below",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of distinct values among scores of images, as they are and with noise."""
    batches = [evidence.images, evidence.noisy(2 * GREY_LEVEL), evidence.noisy(8 * GREY_LEVEL)]
    scores = torch.cat([evidence.once(batch) for batch in batches]).sort().values
    steps = scores.diff() > 1e-6 * evidence.span
    value = (1 + int(steps.sum())) / len(scores)
    return Measured(value, f"{value:.0%} of {len(scores)} scores, with noise and without, are distinct.")
