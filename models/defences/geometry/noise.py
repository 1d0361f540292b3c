"""Random noise."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..base import Defence


class GaussianNoise(Defence):
    """Adds independent normal noise, `sigma` in units of the pixel range, and keeps the result in [0, 1].

    Liu et al., Towards Robust Neural Networks via Random Self-ensemble, ECCV 2018, at the input only. One
    pass, exact gradient of each draw.
    """

    stochastic: ClassVar[bool] = True

    def __init__(self, sigma: Annotated[float, Field(gt=0, le=1)] = 0.02) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W) with noise."""
        return (images + self.sigma * torch.randn_like(images)).clamp(0, 1)
