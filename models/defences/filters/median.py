"""Median filter."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence


def odd(value: int) -> int:
    """Return an odd number; raise ValueError where it is even."""
    if value % 2 == 0:
        raise ValueError("an odd number")
    return value


class Median(Defence):
    """Gives each pixel, in each colour, the median of a square of an odd `size`, in pixels, around it.

    Xu et al., Feature Squeezing, NDSS 2018. One pass. The gradient is exact: that of the pixel which is the
    median; attacks are offered the identity, too (BPDA).
    """

    near_identity: ClassVar[bool] = True

    def __init__(self, size: Annotated[int, Field(ge=3, le=15), AfterValidator(odd)] = 3) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), filtered."""
        padded = F.pad(images, [self.size // 2] * 4, mode="replicate")
        squares = padded.unfold(2, self.size, 1).unfold(3, self.size, 1)
        return squares.flatten(-2).median(-1).values
