"""Gradients that are zero or not finite."""

import torch

from ..evidence import Evidence, share
from ..finding import Measured, indicator


@indicator(
    name="blind gradient",
    threshold=0.1,
    source="Athalye et al. 2018; Pintor et al. 2022, indicator 'zero gradients'; Croce et al. 2020, checks",
    advice="Attack it through a surrogate backward pass (BPDA) or without gradients: `auto` does both. Look "
    "for rounding, detach, no_grad, or a saturated output in its forward.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of gradients, of images and of noisy images, that show no way."""
    blind = []
    for gradients in evidence.gradients:
        flat = torch.stack([gradient.flatten(1) for gradient in gradients])
        finite = flat.isfinite().all(2)
        usable = finite & (flat != 0).any(2)
        blind.append(~finite[0] | ~usable.any(0))
    value = share(torch.stack(blind))
    return Measured(value, f"{value:.0%} of the gradients are zero at every pixel or not finite.")
