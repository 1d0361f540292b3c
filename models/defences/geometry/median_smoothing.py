"""Median smoothing: the median score under random noise."""

from typing import Annotated

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from ..base import Scorer
from ..filters.median import odd
from .noise import GaussianNoise


class MedianSmoothing(GaussianNoise):
    """Gives the median of a model's scores under independent draws of normal noise, within the pixel range.

    Chiang et al., Detection as Regression: Certified Object Detection by Median Smoothing, NeurIPS 2020.
    What an L2 attack can do to it is bounded: `iqabench certify`. `samples` passes; gradients are exact for
    each set of draws.

    Args:
        sigma: Standard deviation of the noise, in units of the pixel range [0, 1].
        samples: Number of draws; odd.
    """

    def __init__(
        self,
        sigma: Annotated[float, Field(gt=0, le=1)] = 0.05,
        samples: Annotated[int, Field(ge=1), AfterValidator(odd)] = 25,
    ) -> None:
        super().__init__(sigma)
        self.samples = samples

    @property
    def passes(self) -> int:
        """Passes of the model that one score takes."""
        return self.samples

    def scores(self, model: Scorer, images: Tensor) -> Tensor:
        """Return the median scores (N,) of images (N, 3, H, W)."""
        return torch.stack([model(self(images)) for _ in range(self.samples)]).median(0).values
