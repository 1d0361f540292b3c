"""Flip: the mirror image is scored."""

from torch import Tensor

from ..base import Defence


class Flip(Defence):
    """Mirrors each image, left to right. One pass, exact gradient."""

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), mirrored."""
        return images.flip(-1)
