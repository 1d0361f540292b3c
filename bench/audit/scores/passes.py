"""Two passes over the same images that differ."""

import torch

from ..evidence import Evidence
from ..finding import Measured, indicator

TOLERANCE = 1e-4  # of a score: other kernels and other orders of summation stay below it


@indicator(
    name="passes differ",
    threshold=TOLERANCE,
    source="Croce et al. 2020, checks: randomised defences; Athalye et al. 2018, stochastic gradients",
    advice="Say `stochastic = True` in the model's class, so that attacks average over passes (EOT).",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the largest difference of a score between passes over the same images."""
    if evidence.stochastic:
        return Measured(None, "Not measured: the model says that its passes differ.")
    first = evidence.once(evidence.images)
    again = torch.stack([evidence.once(evidence.images) for _ in range(3)])
    value = float((again - first).abs().nan_to_num(nan=torch.inf).max())
    return Measured(value, f"The same images score up to {value:.2g} apart in passes one after another.")
