"""Bit-depth reduction: fewer grey levels."""

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ..base import Defence, straight_through


class BitDepth(Defence):
    """Rounds each value to one of 2^bits levels: round((2^bits - 1) x) / (2^bits - 1).

    Xu et al., Feature Squeezing: Detecting Adversarial Examples in Deep Neural Networks, NDSS 2018. One pass.
    The rounding passes gradients on unchanged (BPDA).
    """

    def __init__(self, bits: Annotated[int, Field(ge=1, le=8)] = 5) -> None:
        super().__init__()
        self.steps = 2**bits - 1

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W) with fewer grey levels."""
        return straight_through(images, (images.detach() * self.steps).round() / self.steps)
