"""Images with a wanted score, found between two attacked images."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .gradient import undisturbed

ROUNDS = 24  # each halves the segment; float32 tells no more points apart on it


class Realisation(NamedTuple):
    """Images found for wanted scores.

    Attributes:
        images: (N, 3, H, W), each on the segment between its two ends.
        scores: (N,) of these images, in a plain inference pass.
        realised: (N,) whether the score is within the tolerance of the wanted one.
    """

    images: Tensor
    scores: Tensor
    realised: Tensor


def realise(
    model: nn.Module, image_low: Tensor, image_high: Tensor, score: Tensor, tolerance: float = 1e-4
) -> Realisation:
    """Find images with wanted scores by bisection between images that score lower and higher.

    A ball is convex, so the segment between two of its points lies in it; and a continuous model takes every
    score between those of the two ends somewhere on it. A model with jumps may skip the wanted score.

    Args:
        model: Images (N, 3, H, W) in [0, 1] to scores (N,); left as it was found.
        image_low: (N, 3, H, W), the images at the lower ends of attainable intervals.
        image_high: (N, 3, H, W), those at the upper ends.
        score: (N,) wanted.
        tolerance: Distance from the wanted score that still counts as realised.

    Returns:
        The images whose scores came closest, the scores, and which are close enough.
    """
    lowest, highest = torch.minimum(image_low, image_high), torch.maximum(image_low, image_high)
    with torch.inference_mode(), undisturbed(model):
        best, reached = image_low, model(image_low)
        at_high = model(image_high)
        closer = (at_high - score).abs() < (reached - score).abs()
        best = torch.where(_wide(closer), image_high, best)
        reached = torch.where(closer, at_high, reached)
        left, right = torch.zeros_like(score), torch.ones_like(score)
        for _ in range(ROUNDS):
            # An image that is close enough stays, so that it does not depend on the others of its batch.
            sought = (reached - score).abs() > tolerance
            if not sought.any():
                break
            middle = (left + right) / 2
            # Rounding must not carry a point outside its ends, and so outside the ball.
            images = (image_low + _wide(middle) * (image_high - image_low)).clamp(lowest, highest)
            found = model(images)
            below = found < score
            left, right = torch.where(below, middle, left), torch.where(below, right, middle)
            closer = sought & ((found - score).abs() < (reached - score).abs())
            best = torch.where(_wide(closer), images, best)
            reached = torch.where(closer, found, reached)
    return Realisation(best.clone(), reached.clone(), ((reached - score).abs() <= tolerance).clone())


def _wide(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
