"""Pixels that move the score and have no gradient."""

import torch
from torch import Tensor

from ..evidence import RANDOM_DIRECTIONS, SMALL_STEP, Evidence
from ..finding import Measured, indicator

FAINT = 0.001  # of an image's mean gradient: a pixel with less has as good as none


@indicator(
    name="hidden pixels",
    threshold=0.25,
    source="ours; Athalye et al. 2018, shattered gradients: a detached path",
    advice="Attacks by this gradient leave these pixels as they are: look for a detached part of the image, "
    "and compare with finite differences.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure how far random steps of pixels without a gradient move scores, over those of all pixels.

    A pixel has none where that of every view is faint. Images without any gradient are left out, and random
    models, whose draws decide which pixels count.
    """
    if evidence.stochastic:
        return Measured(None, "Not measured: the model says that its passes differ.")
    faint = torch.stack([_faint(gradient) for gradient in evidence.gradients[0]]).all(0)
    seeing = ~faint.flatten(1).all(1)
    if not seeing.any():
        return Measured(None, "Not measured: no image has a gradient, which other indicators tell.")
    hidden, every = (_movement(evidence, pixels)[seeing] for pixels in (faint, torch.ones_like(faint)))
    size = float(every.square().mean().sqrt())
    if size <= 1e-6 * evidence.span:
        return Measured(None, "Not measured: random steps move no score, which other indicators tell.")
    value = float(hidden.square().mean().sqrt()) / size
    return Measured(
        value,
        f"Pixels without a gradient move scores {value:.2g} times as far as all pixels do, by random steps.",
    )


def _faint(gradient: Tensor) -> Tensor:
    """Return which pixels (N, 3, H, W) have as good as no gradient; all, where it is not finite."""
    size = gradient.abs()
    return ~(size > FAINT * size.mean((1, 2, 3), keepdim=True))


def _movement(evidence: Evidence, pixels: Tensor) -> Tensor:
    """Return half the changes (N, directions) that random steps of some pixels make, both ways."""
    images = evidence.images
    moves = []
    for number in range(RANDOM_DIRECTIONS):
        step = SMALL_STEP * evidence.random_direction(number) * pixels
        ahead, behind = ((images + sign * step).clamp(0, 1) for sign in (1, -1))
        moves.append((evidence.once(ahead) - evidence.once(behind)) / 2)
    return torch.stack(moves, 1)
