"""NIMA: a distribution of ratings over ten bins, whose mean is the score."""

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ..bench.core.parameters import Inherited
from .base import BackboneModel

BINS = 10


class NIMA(BackboneModel):
    """Neural image assessment: a distribution of ratings, whose mean is the score.

    Talebi and Milanfar, NIMA: Neural Image Assessment, IEEE TIP 2018: a classification backbone, global
    average pooling, and a softmax over the ratings 1 to 10. Their mean, mapped from [1, 10] to [0, 1], is the
    score.

    Args:
        dropout: Rate before the linear layer, in [0, 1). The paper has 0.75, on wider layers than these.
        backbone: See `BackboneModel`.
    """

    ratings: Tensor

    def __init__(self, dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0, **backbone: Inherited) -> None:
        super().__init__(**backbone)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.channels, BINS)
        self.register_buffer("ratings", torch.linspace(0, 1, BINS), persistent=False)

    def distribution(self, images: Tensor) -> Tensor:
        """Return the distribution (N, 10) predicted for images (N, 3, H, W) in [0, 1]; rows sum to 1."""
        return torch.softmax(self._rating_logits(self.normalise(images)), dim=1)

    def score(self, normalised: Tensor) -> Tensor:
        """Return scores (N,) in [0, 1] of normalised images (N, 3, H, W)."""
        return torch.softmax(self._rating_logits(normalised), dim=1) @ self.ratings

    def logit(self, normalised: Tensor) -> Tensor:
        """Return the logits (N,) of the scores: log sum_k p_k r_k - log sum_k p_k (1 - r_k)."""
        ratings = self._rating_logits(normalised)
        return (ratings + self.ratings.log()).logsumexp(1) - (ratings + (1 - self.ratings).log()).logsumexp(1)

    def distribution_losses(self, images: Tensor, distribution: Tensor) -> Tensor:
        """Return what training minimises where the distribution of people's ratings is known.

        Args:
            images: (N, 3, H, W) float in [0, 1], RGB.
            distribution: (N, K) the share of each of K ratings, from the worst to the best; rows sum to 1.

        Returns:
            The earth mover's distance (N,) of the predicted distribution from theirs.
        """
        return earth_movers_distance(self.distribution(images), rebinned(distribution, BINS))

    def load_pyiqa(self, state: Mapping[str, Tensor]) -> None:
        """Load a state dictionary of pyiqa's NIMA with the same backbone.

        pyiqa's score is on the scale 1 to 10: it is 1 + 9 times ours. In evaluation pyiqa also resizes and
        crops to the backbone's own input size; this model scores what it is given.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: a tensor has another shape.
        """
        # pyiqa's feature extractor is timm's, which writes some dots of the backbone's names as underscores.
        theirs = {name.replace(".", "_"): tensor for name, tensor in state.items()}
        prefixes = {"backbone": "base_model", "head": "classifier_2"}
        ours = {}
        for name in self.state_dict():
            part, _, rest = name.partition(".")
            ours[name] = theirs[f"{prefixes[part]}_{rest.replace('.', '_')}"]
        self.load_state_dict(ours)

    def _rating_logits(self, normalised: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.backbone(normalised).mean((2, 3))))
        return logits


def earth_movers_distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the earth mover's distances (N,) between distributions (N, K) over ordered bins; rows sum to 1.

    Talebi and Milanfar 2018, Eq. 1: (1/K sum_k |CDF_p(k) - CDF_q(k)|^r)^(1/r), with r = 2 as in training. The
    gradient is finite where both distributions agree.
    """
    mean = (predicted - target).cumsum(dim=1).square().mean(dim=1)
    return mean.clamp_min(torch.finfo(mean.dtype).tiny).sqrt()


def rebinned(shares: Tensor, bins: int) -> Tensor:
    """Spread distributions (N, K) of K ratings over other bins, on the same scale from end to end.

    Each rating's share goes to the two bins that it lies between, more to the nearer, so that the mean on the
    scale [0, 1] stays what it is: KonIQ-10k's five-point answers become NIMA's ten bins. Both numbers are at
    least 2, and rows sum to 1.
    """
    ratings = shares.shape[1]
    spread = shares.new_zeros(ratings, bins)
    for rating in range(ratings):
        place = rating / (ratings - 1) * (bins - 1)
        below = min(math.floor(place), bins - 2)
        spread[rating, below] = 1 - (place - below)
        spread[rating, below + 1] = place - below
    return shares @ spread
