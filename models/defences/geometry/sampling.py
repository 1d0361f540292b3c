"""Bilinear sampling of an image along a grid, of its own for each image."""

import torch
from torch import Tensor
from torch.nn import functional as F


def warped(images: Tensor, matrices: Tensor) -> Tensor:
    """Return images (N, C, H, W) seen through affine maps, bilinearly; border pixels are repeated outside.

    The matrices (N, 2, 3) map pixels of the result to pixels of the image: (x, y, 1), measured in pixels from
    the middle, to (x, y).
    """
    height, width = images.shape[2:]
    scale = matrices.new_tensor([width / 2, height / 2])
    linear = matrices[:, :, :2] * scale.view(1, 1, 2) / scale.view(1, 2, 1)
    shift = matrices[:, :, 2:] / scale.view(1, 2, 1)
    maps = torch.cat([linear, shift], 2).to(images.device, images.dtype)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
