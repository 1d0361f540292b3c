"""Gaussian blur."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence

TRUNCATE = 4.0  # standard deviations, as in scipy


class Gaussian(Defence):
    """Averages over neighbours by a normal distribution of `sigma` pixels. One pass, exact gradient."""

    def __init__(self, sigma: Annotated[float, Field(gt=0, le=20)] = 1.0) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), blurred."""
        return blurred(images, self.sigma)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Return images (N, C, H, W) convolved with a Gaussian; pixels of the border are repeated outside."""
    radius = int(TRUNCATE * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * (offsets / sigma).square())
    kernel = (weights / weights.sum()).repeat(images.shape[1], 1, 1, 1)
    padded = F.pad(images, [radius] * 4, mode="replicate")
    along_rows = F.conv2d(padded, kernel, groups=images.shape[1])
    return F.conv2d(along_rows, kernel.mT, groups=images.shape[1])
