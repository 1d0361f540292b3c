"""What the package's own models share: the contract's door, and the normalisation behind it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class IQAModel(nn.Module):
    """Base class of a no-reference quality model.

    A subclass implements `score`, from normalised images to (N,) scores in [0, 1].

    Args:
        mean: Per-channel mean that normalisation subtracts; ImageNet's by default.
        std: Per-channel deviation that normalisation divides by; ImageNet's by default.

    Attributes:
        recipe: Name of the training recipe that fits the model.
        stochastic: Whether two forward passes in evaluation mode may differ.
    """

    recipe: ClassVar[str] = "regression"
    stochastic: ClassVar[bool] = False

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Score images.

        Args:
            images: (N, 3, H, W) float in [0, 1], RGB.

        Returns:
            (N,) scores in [0, 1], higher is better.

        Raises:
            ValueError: the images have another shape.
        """
        return self.score(self.normalise(images))

    def normalise(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] as the backbone was trained on them.

        Raises:
            ValueError: the images have another shape.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
        return (images - self.mean) / self.std

    def backward_passes(self) -> tuple[str, ...]:
        """Names of the differentiable stand-ins that the model offers for its backward pass (BPDA).

        The first is the one to take where only one is tried.
        """
        return ()

    def backward_through(self, name: str) -> AbstractContextManager[None]:
        """Take gradients through one of `backward_passes`, leaving the scores as they are."""
        raise ValueError(f"{type(self).__name__} offers no backward pass {name!r}")

    def score(self, normalised: Tensor) -> Tensor:
        """Scores (N,) in [0, 1] of normalised images (N, 3, H, W)."""
        raise NotImplementedError
