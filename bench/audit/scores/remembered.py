"""Scores that move less around the test images than around their mirror images, which nobody could know."""

import torch
from torch import Tensor

from ..evidence import SMALL_STEP, Evidence
from ..finding import Measured, indicator


@indicator(
    name="knows the images",
    threshold=0.4,
    source="ours; a model that was robust would be so around images that it has never seen",
    advice="Look for stored images or answers, and test on images that nobody has published.",
    doubtful="below",
)
def measure(evidence: Evidence) -> Measured:
    """Measure how far a small step moves the images' scores, over how far it moves the mirror images'.

    The step goes along the signs of the best view's gradient, up or down, whichever moves a score further.
    """
    elsewhere = float(_movement(evidence, evidence.images.flip(3)))
    if elsewhere <= 1e-4 * evidence.span:
        return Measured(None, "Not measured: the step moves no score, which other indicators tell.")
    value = float(_movement(evidence, evidence.images)) / elsewhere
    return Measured(
        value, f"Scores move {value:.2g} times as far around the images as around their mirror images."
    )


def _movement(evidence: Evidence, images: Tensor) -> Tensor:
    scorer = evidence.views[evidence.best_view].scorer
    signs = evidence.gradient(scorer, images).nan_to_num().sign()
    clean = evidence.mean(images).value
    moves = [
        evidence.mean((images + sign * SMALL_STEP * signs).clamp(0, 1)).value - clean for sign in (1, -1)
    ]
    return torch.stack(moves).abs().amax(0).mean()
