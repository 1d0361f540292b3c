"""Random rotation."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..base import Defence
from .sampling import warped


class Rotation(Defence):
    """Rotates each image around its middle by a random angle, uniform up to `degrees` to either side.

    Bilinear interpolation; pixels of the border are repeated outside. One pass, exact gradient of each draw.
    """

    stochastic: ClassVar[bool] = True

    def __init__(self, degrees: Annotated[float, Field(gt=0, le=180)] = 5.0) -> None:
        super().__init__()
        self.degrees = degrees

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), rotated."""
        return rotated(images, self.degrees * (2 * torch.rand(len(images), dtype=torch.float64) - 1))


def rotated(images: Tensor, degrees: Tensor) -> Tensor:
    """Return images (N, C, H, W) rotated counter-clockwise by angles (N,)."""
    angles = degrees * (math.pi / 180)
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rows = torch.stack([cosine, -sine, zero, sine, cosine, zero], 1)
    return warped(images, rows.view(-1, 2, 3))
