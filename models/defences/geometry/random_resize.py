"""Random resizing and cropping."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..base import Defence
from .sampling import warped


class RandomResize(Defence):
    """Enlarges each image by a random factor and cuts a random window of its old size out of it.

    After Xie et al., Mitigating Adversarial Effects Through Randomization, ICLR 2018. The factor is uniform
    from 1 to `largest`. Bilinear interpolation. One pass, exact gradient of each draw.
    """

    stochastic: ClassVar[bool] = True

    def __init__(self, largest: Annotated[float, Field(gt=1, le=4)] = 1.2) -> None:
        super().__init__()
        self.largest = largest

    def forward(self, images: Tensor) -> Tensor:
        """Return windows (N, 3, H, W) of enlarged images."""
        draws = torch.rand(len(images), 3, dtype=torch.float64)
        return windows(images, 1 + (self.largest - 1) * draws[:, 0], draws[:, 1:])


def windows(images: Tensor, factors: Tensor, positions: Tensor) -> Tensor:
    """Return windows of images (N, C, H, W) that are enlarged by factors (N,), at least 1.

    Positions (N, 2) in [0, 1] are those of the window across and down: 0 at the left and top, 1 at the far
    end.
    """
    height, width = images.shape[2:]
    room = torch.tensor([width, height], dtype=factors.dtype) * (1 - 1 / factors).unsqueeze(1)
    matrices = torch.zeros(len(images), 2, 3, dtype=factors.dtype)
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1 / factors
    matrices[:, :, 2] = (positions - 0.5) * room
    return warped(images, matrices)
