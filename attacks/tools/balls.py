"""The L-inf ball around images, met with the pixel range [0, 1]. Exact in floating point."""

import torch
from torch import Tensor


def displaced(images: Tensor, direction: Tensor, epsilon: float) -> Tensor:
    """Images moved by epsilon times a direction, kept inside the ball and [0, 1].

    Args:
        images: (N, C, H, W) in [0, 1], float32 or float64.
        direction: (N, C, H, W) in [-1, 1].
        epsilon: Radius of the ball, in pixel units of [0, 1].

    Returns:
        (N, C, H, W): in [0, 1], no pixel further than epsilon from `images`; a new tensor.
    """
    return torch.add(images, direction, alpha=_safe_radius(epsilon, images.dtype)).clamp_(0, 1)


def ball(images: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Lowest and highest value each pixel may take; clamping to them projects onto the ball.

    Args:
        images: (N, C, H, W) in [0, 1], float32 or float64.
        epsilon: Radius of the ball, in pixel units of [0, 1].

    Returns:
        Two tensors (N, C, H, W) in [0, 1], neither further than epsilon from `images`.
    """
    radius = _safe_radius(epsilon, images.dtype)
    return (images - radius).clamp_(min=0), (images + radius).clamp_(max=1)


def _safe_radius(epsilon: float, dtype: torch.dtype) -> float:
    # In [0, 1] floats are at most finfo.eps / 2 apart. Storing the radius and adding it each round by at
    # most half of that, so a radius smaller by one such spacing never leaves the ball. Correcting pixel by
    # pixel (nextafter) would gain 6e-8 in float32 and cost a tenth of a small model's forward pass.
    return max(epsilon - torch.finfo(dtype).eps / 2, 0.0)
