"""Eleven everyday corruptions, each at the severities 1 to 5.

Noise, Gaussian blur, JPEG, brightness and contrast have the strengths of Hendrycks and Dietterich,
"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019 (ImageNet-C and
its extra set). Brightness is added to all colours. Motion blur is along the rows, and pixelation by whole
pixels. Their saturation rises and falls; here colours only fade.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as transforms

from ....models.defences.coding.jpeg import JPEG

SEVERITIES = (1, 2, 3, 4, 5)

Corruption = Callable[[Tensor, int], Tensor]
"""Takes images (N, 3, H, W) in [0, 1] and a severity; gives images of the same shape, not yet clamped."""


def corrupted(images: Tensor, name: str, severity: int) -> Tensor:
    """Return images (N, 3, H, W) in [0, 1] under one of `CORRUPTIONS`, of a severity from 1 to 5."""
    return CORRUPTIONS[name](images, severity).clamp(0, 1)


def gaussian_noise(images: Tensor, severity: int) -> Tensor:
    """Add normal noise."""
    return images + (0.08, 0.12, 0.18, 0.26, 0.38)[severity - 1] * torch.randn_like(images)


def shot_noise(images: Tensor, severity: int) -> Tensor:
    """Draw the light of each value from a Poisson distribution."""
    photons = (60, 25, 12, 5, 3)[severity - 1]
    return torch.poisson(images.clamp(0, 1) * photons) / photons


def impulse_noise(images: Tensor, severity: int) -> Tensor:
    """Set a part of the values to black or white."""
    draws = torch.rand_like(images)
    share = (0.03, 0.06, 0.09, 0.17, 0.27)[severity - 1]
    return images.masked_fill(draws < share / 2, 0.0).masked_fill(draws > 1 - share / 2, 1.0)


def speckle_noise(images: Tensor, severity: int) -> Tensor:
    """Add normal noise in proportion to each value."""
    return images + (0.15, 0.2, 0.35, 0.45, 0.6)[severity - 1] * images * torch.randn_like(images)


def gaussian_blur(images: Tensor, severity: int) -> Tensor:
    """Blur by a Gaussian."""
    sigma = (1, 2, 3, 4, 6)[severity - 1]
    side = min(*images.shape[2:])
    radius = min(3 * sigma, side - 1)  # mirrored at the border, which is no wider than the image
    blurred: Tensor = transforms.gaussian_blur(images, [2 * radius + 1] * 2, [float(sigma)] * 2)
    return blurred


def motion_blur(images: Tensor, severity: int) -> Tensor:
    """Average along the rows."""
    length = (5, 9, 13, 17, 21)[severity - 1]
    padded = F.pad(images, (length // 2, length // 2, 0, 0), mode="replicate")
    return F.avg_pool2d(padded, (1, length), stride=1)


def pixelation(images: Tensor, severity: int) -> Tensor:
    """Give each square of pixels its mean."""
    side, (height, width) = (2, 3, 4, 6, 8)[severity - 1], images.shape[2:]
    means = F.avg_pool2d(images, side, ceil_mode=True, count_include_pad=False)
    return means.repeat_interleave(side, 2).repeat_interleave(side, 3)[:, :, :height, :width]


def jpeg(images: Tensor, severity: int) -> Tensor:
    """Compress by JPEG."""
    compressed: Tensor = JPEG((25, 18, 15, 10, 7)[severity - 1])(images)
    return compressed


def brightness(images: Tensor, severity: int) -> Tensor:
    """Make the image brighter."""
    return images + (0.1, 0.2, 0.3, 0.4, 0.5)[severity - 1]


def contrast(images: Tensor, severity: int) -> Tensor:
    """Move all values towards the mean of their image and colour."""
    mean = images.mean((2, 3), keepdim=True)
    return mean + (0.4, 0.3, 0.2, 0.1, 0.05)[severity - 1] * (images - mean)


def faded_colours(images: Tensor, severity: int) -> Tensor:
    """Move colours towards grey."""
    faded: Tensor = transforms.adjust_saturation(images, (0.8, 0.6, 0.4, 0.2, 0.0)[severity - 1])
    return faded


CORRUPTIONS: dict[str, Corruption] = {
    function.__name__: function
    for function in (
        gaussian_noise, shot_noise, impulse_noise, speckle_noise, gaussian_blur, motion_blur, pixelation,
        jpeg, brightness, contrast, faded_colours,
    )
}  # fmt: skip
"""The eleven corruptions by name, of four kinds: noise, blur, damage by storing, and light and colour."""
