"""Scores of images in plain inference passes, and their means where a model is random."""

import numpy as np
import torch
from torch import Tensor, nn

from ....attacks.tools.victim import ROUNDING
from ...core.errors import UserError

DRAWS = 20  # passes whose mean is the score of an image under an interval attack, where a model is random


class MeanOfDraws(nn.Module):
    """A random model's mean score over fresh draws."""

    def __init__(self, model: nn.Module, draws: int) -> None:
        super().__init__()
        self.model = model
        self._draws = draws

    def forward(self, images: Tensor) -> Tensor:
        """Return mean scores (N,) of images (N, 3, H, W)."""
        return torch.stack([self.model(images) for _ in range(self._draws)]).mean(0)


def plain_scores(model: nn.Module, images: Tensor) -> np.ndarray:
    """Return scores (N,) in float64 of one inference pass.

    Raises:
        UserError: the model does not give one real score for each image.
    """
    with torch.inference_mode():
        scores: Tensor = model(images)
    if scores.shape != images.shape[:1] or scores.is_complex():
        raise UserError(
            f"the model gives {scores.dtype} scores of shape {tuple(scores.shape)} for {len(images)} images; "
            "a model gives one real score for each"
        )
    return np.asarray(scores.cpu().double().numpy())


def mean_scores(model: nn.Module, images: Tensor, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean score of each image over fresh draws, and its standard error (N,)."""
    scores = np.stack([plain_scores(model, images) for _ in range(draws)])
    if draws == 1:
        return scores[0], np.zeros_like(scores[0])
    return scores.mean(0), scores.std(0, ddof=1) / np.sqrt(draws)


def draws_for(model: nn.Module, images: Tensor) -> int:
    """Return how many passes to average: 1 for a model whose passes do not differ, else `DRAWS`."""
    if getattr(model, "stochastic", False):
        return DRAWS
    few = images[:2]
    one, other = plain_scores(model, few), plain_scores(model, few)
    same = np.allclose(one, other, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
    return 1 if same else DRAWS
