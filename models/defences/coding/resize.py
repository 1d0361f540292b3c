"""Resizing: an image is made smaller, and as large as it was again."""

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence


class Resize(Defence):
    """Scales each image to `scale` times its sides and up again, by bilinear interpolation with antialiasing.

    Guo et al., Countering Adversarial Images Using Input Transformations, ICLR 2018. One pass, exact
    gradient.
    """

    def __init__(self, scale: Annotated[float, Field(gt=0, le=1)] = 0.5) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W) with the details of smaller ones."""
        size = [max(1, round(self.scale * side)) for side in images.shape[2:]]
        smaller = F.interpolate(images, size, mode="bilinear", antialias=True)
        return F.interpolate(smaller, list(images.shape[2:]), mode="bilinear", antialias=True)
