"""NIMA: a distribution of opinion scores over ten bins, whose mean is the score."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from .backbone import create_backbone
from .base import IQAModel

BINS = 10


class NIMA(IQAModel):
    """Neural image assessment: a distribution of ratings, whose mean is the score.

    Talebi and Milanfar, NIMA: Neural Image Assessment, IEEE TIP 2018: a classification backbone, global
    average pooling, and a softmax over the ratings 1 to 10. Their mean, mapped from [1, 10] to [0, 1], is the
    score.

    Args:
        backbone: Name of a timm model.
        backbone_args: Arguments passed to timm for it.
        pretrained: Start from timm's ImageNet weights.
        weights_file: Start from this `.safetensors` file instead.
        dropout: Rate before the linear layer, in [0, 1). The paper has 0.75, on wider layers than these.
    """

    ratings: Tensor

    def __init__(
        self,
        backbone: str = "resnet50",
        backbone_args: dict[str, Any] | None = None,
        pretrained: bool = False,
        weights_file: str | None = None,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        features: Any = create_backbone(
            backbone, pretrained=pretrained, weights_file=weights_file, backbone_args=backbone_args
        )
        super().__init__(features.pretrained_cfg["mean"], features.pretrained_cfg["std"])
        self.backbone: nn.Module = features
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features.num_features, BINS)
        self.register_buffer("ratings", torch.linspace(0, 1, BINS), persistent=False)

    def distribution(self, images: Tensor) -> Tensor:
        """The predicted distribution (N, 10) of the ratings 1 to 10; rows sum to 1.

        Args:
            images: (N, 3, H, W) float in [0, 1], RGB.
        """
        return self._distribution(self.normalise(images))

    def score(self, normalised: Tensor) -> Tensor:
        """Scores (N,) in [0, 1] of normalised images (N, 3, H, W)."""
        return self._distribution(normalised) @ self.ratings

    def opinion_losses(self, images: Tensor, opinions: Tensor) -> tuple[Tensor, Tensor]:
        """What training minimises where people's ratings are known one by one.

        Args:
            images: (N, 3, H, W) float in [0, 1], RGB.
            opinions: (N, K) the share of each of K ratings, from the worst to the best; rows sum to 1.

        Returns:
            The earth mover's distance (N,) of the predicted distribution from theirs, and the scores (N,).
        """
        predicted = self.distribution(images)
        return earth_movers_distance(predicted, rebinned(opinions, BINS)), predicted @ self.ratings

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

    def _distribution(self, normalised: Tensor) -> Tensor:
        pooled = self.backbone(normalised).mean((2, 3))
        return torch.softmax(self.head(self.dropout(pooled)), dim=1)


def emd_loss(predicted: Tensor, target: Tensor, r: float = 2.0) -> Tensor:
    """The earth mover's distance averaged over the batch, a scalar; see `earth_movers_distance`."""
    return earth_movers_distance(predicted, target, r).mean()


def earth_movers_distance(predicted: Tensor, target: Tensor, r: float = 2.0) -> Tensor:
    """Earth mover's distance between distributions over ordered bins.

    Talebi and Milanfar 2018, Eq. 1: (1/K sum_k |CDF_p(k) - CDF_q(k)|^r)^(1/r), with r = 2 in training.

    Args:
        predicted: (N, K), rows sum to 1.
        target: (N, K), rows sum to 1.
        r: Exponent; 1 is the usual earth mover's distance with bins 1/K apart.

    Returns:
        (N,) distances >= 0; their gradient is finite where both distributions agree.
    """
    gap = (predicted - target).cumsum(dim=1).abs()
    mean = gap.pow(r).mean(dim=1)
    return mean.clamp_min(torch.finfo(mean.dtype).tiny).pow(1 / r)


def rebinned(shares: Tensor, bins: int) -> Tensor:
    """A distribution over K ratings as one over another number of them, on the same scale from end to end.

    Each rating's share goes to the two bins that it lies between, more to the nearer, so that the mean on
    the scale [0, 1] stays what it is: KonIQ-10k's five-point answers become NIMA's ten bins.

    Args:
        shares: (N, K), K >= 2, rows sum to 1.
        bins: How many to make, >= 2.

    Returns:
        (N, bins), rows sum to 1.
    """
    ratings = shares.shape[1]
    spread = shares.new_zeros(ratings, bins)
    for rating in range(ratings):
        place = rating / (ratings - 1) * (bins - 1)
        below = min(math.floor(place), bins - 2)
        spread[rating, below] = 1 - (place - below)
        spread[rating, below + 1] = place - below
    return shares @ spread
