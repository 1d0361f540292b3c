"""Bilateral filter."""

import itertools
import math
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence, recomputed


class Bilateral(Defence):
    """Averages over neighbours that are near in position and in colour.

    Tomasi and Manduchi 1998: pixel q counts for pixel p by

        w(p, q) = exp(-|p - q|^2 / (2 sigma_space^2)) exp(-|x_p - x_q|^2 / (2 sigma_colour^2)),

    |x_p - x_q| over the three colours. One pass. The gradient is exact; attacks are offered the identity, too
    (BPDA).

    Args:
        sigma_space: Standard deviation in pixels; the window reaches as far as 2 of them.
        sigma_colour: Standard deviation in units of the pixel range [0, 1].
    """

    near_identity: ClassVar[bool] = True

    def __init__(
        self,
        sigma_space: Annotated[float, Field(gt=0, le=5)] = 1.0,
        sigma_colour: Annotated[float, Field(gt=0)] = 0.1,
    ) -> None:
        super().__init__()
        self.sigma_space = sigma_space
        self.sigma_colour = sigma_colour

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), filtered."""
        radius = math.ceil(2 * self.sigma_space)
        padded = F.pad(images, [radius] * 4, mode="replicate")
        total, weights = images * 0, images[:, :1] * 0
        for down, right in itertools.product(range(-radius, radius + 1), repeat=2):
            share = recomputed(self._share, images, padded, radius + down, radius + right, down**2 + right**2)
            total, weights = total + share[:, :-1], weights + share[:, -1:]
        return total / weights

    def _share(self, images: Tensor, padded: Tensor, top: int, left: int, squared_distance: int) -> Tensor:
        """Return the weighted neighbours (N, 3, H, W) in one direction, and, fourth, their weights."""
        height, width = images.shape[2:]
        neighbours = padded[:, :, top : top + height, left : left + width]
        exponent = squared_distance / (2 * self.sigma_space**2)
        colour = (neighbours - images).square().sum(1, keepdim=True) / (2 * self.sigma_colour**2)
        weight = (-colour - exponent).exp()
        return F.pad(weight * neighbours, (0, 0, 0, 0, 0, 1)) + F.pad(weight, (0, 0, 0, 0, 3, 0))
