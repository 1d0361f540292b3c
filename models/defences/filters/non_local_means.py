"""Non-local means."""

import itertools
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence, recomputed
from .median import odd


class NonLocalMeans(Defence):
    """Averages over pixels near by whose surroundings look alike.

    Buades, Coll and Morel 2005, A Non-Local Algorithm for Image Denoising: pixel q counts for pixel p by

        w(p, q) = exp(-d^2(p, q) / strength^2),

    d^2 the mean squared difference, over the colours, of the squares of `patch_size` pixels around p and q.
    One pass. The gradient is exact; attacks are offered the identity, too (BPDA).

    Args:
        strength: Strength in units of the pixel range [0, 1].
        patch_size: Side of the squares that are compared, in pixels; odd.
        distance: How far q may be from p along each side, in pixels.
    """

    near_identity: ClassVar[bool] = True

    def __init__(
        self,
        strength: Annotated[float, Field(gt=0)] = 0.05,
        patch_size: Annotated[int, Field(ge=1, le=15), AfterValidator(odd)] = 5,
        distance: Annotated[int, Field(ge=1, le=15)] = 5,
    ) -> None:
        super().__init__()
        self.strength = strength
        self.patch_size = patch_size
        self.distance = distance

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), denoised."""
        reach = self.distance + self.patch_size // 2
        padded = F.pad(images, [reach] * 4, mode="replicate")
        total, weights = images * 0, images[:, :1] * 0
        for down, right in itertools.product(range(-self.distance, self.distance + 1), repeat=2):
            share = recomputed(self._share, padded, down, right)
            total, weights = total + share[:, :-1], weights + share[:, -1:]
        return total / weights

    def _share(self, padded: Tensor, down: int, right: int) -> Tensor:
        """Return the weighted pixels (N, 3, H, W) in one direction, and, fourth, their weights."""
        border, around = self.distance, self.patch_size // 2
        height, width = (side - 2 * border for side in padded.shape[2:])
        here = padded[:, :, border : border + height, border : border + width]
        top, left = border + down, border + right
        there = padded[:, :, top : top + height, left : left + width]
        distances = (here - there).square().mean(1, keepdim=True)
        weight = (-F.avg_pool2d(distances, self.patch_size, stride=1) / self.strength**2).exp()
        pixels = there[:, :, around : height - around, around : width - around]
        return F.pad(weight * pixels, (0, 0, 0, 0, 0, 1)) + F.pad(weight, (0, 0, 0, 0, 3, 0))
