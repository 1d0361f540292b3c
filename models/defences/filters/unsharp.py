"""Unsharp masking."""

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ..base import Defence
from .gaussian import blurred


class Unsharp(Defence):
    """Adds what a blur takes away: x + amount (x - blur(x)), kept in [0, 1]. One pass, exact gradient.

    Args:
        sigma: Standard deviation of the Gaussian blur, in pixels.
        amount: How much is added.
    """

    def __init__(
        self, sigma: Annotated[float, Field(gt=0, le=20)] = 1.0, amount: Annotated[float, Field(gt=0)] = 0.5
    ) -> None:
        super().__init__()
        self.sigma = sigma
        self.amount = amount

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), sharpened."""
        return (images + self.amount * (images - blurred(images, self.sigma))).clamp(0, 1)
