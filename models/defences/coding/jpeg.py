"""JPEG: an image is compressed and decompressed."""

import io
from typing import Annotated, ClassVar

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence, straight_through


class JPEG(Defence):
    """Compresses each image by the codec of Pillow, of `quality` 1 to 95, colours at half resolution (4:2:0).

    Dziugaite et al., A study of the effect of JPG compression on adversarial images, 2016. One pass. Every
    step of the codec but the rounding of grey levels and coefficients passes gradients on: what is left of it
    in the backward pass is the loss of resolution of the colours.
    """

    near_identity: ClassVar[bool] = True

    def __init__(self, quality: Annotated[int, Field(ge=1, le=95)] = 75) -> None:
        super().__init__()
        self.quality = quality

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W) as they are after JPEG."""
        levels = (images.detach().clamp(0, 1) * 255).round().to(torch.uint8)
        pictures = levels.permute(0, 2, 3, 1).cpu().numpy()
        decoded = np.stack([self._recoded(picture) for picture in pictures])
        value = torch.from_numpy(decoded).to(images.device).permute(0, 3, 1, 2).to(images.dtype) / 255
        return straight_through(_without_rounding(images), value) if images.requires_grad else value

    def _recoded(self, picture: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=self.quality, subsampling="4:2:0")
        return np.asarray(Image.open(file))


def _without_rounding(images: Tensor) -> Tensor:
    """Return images whose colours, but not brightness, are averaged over squares of 2 x 2 pixels."""
    weights = images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    brightness = (images * weights).sum(1, keepdim=True)
    colours = F.avg_pool2d(images - brightness, 2, ceil_mode=True, count_include_pad=False)
    height, width = images.shape[2:]
    return brightness + F.interpolate(colours, scale_factor=2, mode="nearest")[:, :, :height, :width]
