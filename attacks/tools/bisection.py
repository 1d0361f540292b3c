"""Images with a wanted score, found between two attacked images."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .balls import wide
from .gradient import undisturbed

FINEST = 2.0**-24  # of the segment: float32 tells no more points apart on it
ROUNDS = 50  # every other one halves what is left of the segment


class Realisation(NamedTuple):
    """Images found for wanted scores."""

    images: Tensor  # (N, 3, H, W), each on the segment between its two ends
    scores: Tensor  # (N,) of these images, in a plain inference pass
    realised: Tensor  # (N,) whether the score is within the tolerance of the wanted one


def realise(
    model: nn.Module,
    image_low: Tensor,
    image_high: Tensor,
    score: Tensor,
    tolerance: float | Tensor = 1e-4,
    *,
    end_scores: tuple[Tensor, Tensor] | None = None,
) -> Realisation:
    """Find images with wanted scores between images that score lower and higher.

    A ball is convex, so the segment between two of its points lies in it; and a continuous model takes every
    score between those of the two ends somewhere on it. A model with jumps may skip the wanted score. The
    search interpolates and bisects in turn, so that it is quick where the score is nearly linear.

    Args:
        model: Images (N, 3, H, W) in [0, 1] to scores (N,); left as it was found.
        image_low: (N, 3, H, W), the images at the lower ends of attainable intervals.
        image_high: (N, 3, H, W), those at the upper ends.
        score: (N,) wanted; all scores are compared in its type.
        tolerance: Distance from the wanted score that still counts as realised; one number, or (N,).
        end_scores: (N,), (N,) of the two ends, where they are known; they spare two passes.

    Returns:
        The images whose scores came closest, the scores, and which are close enough.
    """
    images_type = image_low.dtype  # scores may be of a finer type
    lowest, highest = torch.minimum(image_low, image_high), torch.maximum(image_low, image_high)
    with torch.inference_mode(), undisturbed(model):
        below, above = (ends.to(score) for ends in end_scores or (model(image_low), model(image_high)))
        nearer = (above - score).abs() < (below - score).abs()
        best, reached = torch.where(wide(nearer), image_high, image_low), torch.where(nearer, above, below)
        below, above = below.clone(), above.clone()
        left = torch.zeros_like(score, dtype=images_type)
        right = torch.ones_like(left)
        for number in range(ROUNDS):
            # An image that is close enough stays, so that it does not depend on the others of its batch.
            sought = ((reached - score).abs() > tolerance) & (right - left > FINEST)
            rows = sought.nonzero().flatten()
            if not len(rows):
                break
            share = torch.full_like(left[rows], 0.5)
            if number % 2 == 0:
                linear = (score - below)[rows] / (above - below)[rows]
                share = linear.nan_to_num(0.5).clamp(0.001, 0.999).to(images_type)
            middle = left[rows] + share * (right - left)[rows]
            images = image_low[rows] + wide(middle) * (image_high - image_low)[rows]
            # Rounding must not carry a point outside its ends, and so outside the ball.
            images = images.clamp(lowest[rows], highest[rows])
            found = model(images).to(score)
            under = found < score[rows]
            left[rows[under]], below[rows[under]] = middle[under], found[under]
            right[rows[~under]], above[rows[~under]] = middle[~under], found[~under]
            closer = (found - score[rows]).abs() < (reached - score)[rows].abs()
            best[rows[closer]], reached[rows[closer]] = images[closer], found[closer]
    return Realisation(best.clone(), reached.clone(), ((reached - score).abs() <= tolerance).clone())
