"""What an attack climbs: a value per image, larger the more wrong the score has become."""

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor], Tensor]
"""Takes scores (N,) and labels (N,), and gives the values (N,) that an attack increases."""


def score_reflection(scores: Tensor, labels: Tensor, threshold: float = 0.5) -> Tensor:
    """Return the distance of the score from the end of the scale near its label (CPRL, Eq. 5).

    The target is t = sign(y - 0.5): images better than the threshold are pushed down, the others up, which
    inverts the ranking. For scores in [0, 1] and t in {-1, +1} the paper's ||h - t||_2 is 1 - t h; in that
    form the gradient does not vanish at h = t. A label at the threshold takes t = -1. The literal sign(0) = 0
    would not differ: |h - 0| grows with the score, as |h + 1| does.

    Args:
        scores: (N,) predictions in [0, 1].
        labels: (N,) quality in [0, 1], higher is better.
        threshold: Where the labels are split. The paper takes the middle of their scale.

    Returns:
        (N,) distances in [0, 2].
    """
    target = torch.where(labels > threshold, 1.0, -1.0).to(scores)
    return 1 - target * scores


def ascend(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the scores themselves: the attack searches the upper end of each image's interval."""
    return scores


def descend(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the negated scores: the attack searches the lower end of each image's interval."""
    return -scores
