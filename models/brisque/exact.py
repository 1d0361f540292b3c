"""Luminance, Gaussian window and half size to the last bit of what the package `brisque` 0.2.0 computes.

Where a picture is flat, as in a sky, on a page or after a strong blur, its coefficients are rounding errors,
and BRISQUE counts how many of them are negative. So its score depends on the order of additions, by up to 0.8
of 100. Here each sum is taken in the order in which scikit-image 0.26, SciPy 1.17 and OpenCV 4.11 take it on
an x86-64 processor with fused multiply-add. Gradients are those of exact arithmetic.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

RED, GREEN, BLUE = 0.2125, 0.7154, 0.0721
"""Weights of the luminance."""

WINDOW = 7
"""Side of the Gaussian window in pixels; its standard deviation is 7/6 pixels."""

_QUARTER = (
    (0.0001577586358082699, 0.000990095038924366, 0.002980486298974274, 0.0043035205210607925),
    (0.000990095038924366, 0.0062138480158640775, 0.018705566786105406, 0.027008944999942323),
    (0.002980486298974274, 0.018705566786105406, 0.05630942821519819, 0.08130511451661487),
    (0.0043035205210607925, 0.027008944999942323, 0.08130511451661487, 0.11739635539001349),
)
WEIGHTS = tuple(tuple(_QUARTER[min(i, 6 - i)][min(j, 6 - j)] for j in range(WINDOW)) for i in range(WINDOW))
"""exp(-(x^2 + y^2) / (2 (7/6)^2)), normalised; written down, as NumPy's versions differ in the last bit."""

HALVING = (-0.09375, 0.59375, 0.59375, -0.09375)
"""Weights of the cubic interpolation (a = -0.75) half-way between two pixels."""

_LEVELS = 255


def luminance(images: Tensor) -> Tensor:
    """Return the luminance (N, H, W), float64 in [0, 1], of images (N, 3, H, W) in [0, 1].

    Values as close to a grey level as the type of the images resolves are taken for that level.
    """
    found: Tensor = _Luminance.apply(images)
    return found


def windowed(values: Tensor) -> Tensor:
    """Return the Gaussian mean around each pixel of (N, H, W) float64, with zeros around the picture."""
    found: Tensor = _Windowed.apply(values)
    return found


def halved(values: Tensor) -> Tensor:
    """Return (N, H, W) at half its size: cubic interpolation without antialiasing."""
    return _halved(_halved(values, 2), 1)


class _Luminance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        ctx.dtype = images.dtype
        levels = images.double() * _LEVELS
        nearest = levels.round()
        close = (levels - nearest).abs() <= _LEVELS * torch.finfo(images.dtype).eps
        values = torch.where(close, nearest, levels) * (1 / _LEVELS)
        red, green, blue = values.unbind(1)
        return _fused(blue, BLUE, _fused(red, RED, green * GREEN))

    @staticmethod
    def backward(ctx: Any, to_luminance: Tensor) -> Tensor:
        return torch.stack([to_luminance * weight for weight in (RED, GREEN, BLUE)], 1).to(ctx.dtype)


class _Windowed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _windowed(values)

    @staticmethod
    def backward(ctx: Any, to_mean: Tensor) -> Tensor:
        return _separably(to_mean)  # a symmetric window is its own adjoint


def _windowed(values: Tensor) -> Tensor:
    height, width = values.shape[1:]
    around = F.pad(values, (WINDOW // 2,) * 4)
    total, four, term = torch.zeros_like(values), torch.empty_like(values), torch.empty_like(values)
    for row in reversed(range(WINDOW)):
        parts = [around[:, row : row + height, column : column + width] for column in range(WINDOW)]
        weights = WEIGHTS[row]
        torch.mul(parts[6], weights[6], out=four)
        for column in (5, 4, 3):
            four += torch.mul(parts[column], weights[column], out=term)
        total += four
        for column in (2, 1, 0):
            total += torch.mul(parts[column], weights[column], out=term)
    return total


def _separably(values: Tensor) -> Tensor:
    weights = [weight / WEIGHTS[3][3] ** 0.5 for weight in WEIGHTS[3]]
    for dim in (1, 2):
        around = F.pad(values, (0, 0, 3, 3) if dim == 1 else (3, 3))
        parts = [around.narrow(dim, place, values.shape[dim]) for place in range(WINDOW)]
        values = weights[0] * (parts[0] + parts[6])
        for place in (1, 2):
            values = values.add_(parts[place] + parts[6 - place], alpha=weights[place])
        values = values.add_(parts[3], alpha=weights[3])
    return values


def _halved(values: Tensor, dim: int) -> Tensor:
    size = values.shape[dim]
    starts = 2 * torch.arange(round(size / 2), device=values.device) - 1
    taps = [values.index_select(dim, (starts + tap).clamp(0, size - 1)) for tap in range(4)]
    total = taps[0] * HALVING[0]
    for tap, weight in zip(taps[1:], HALVING[1:], strict=True):
        total = total + tap * weight
    return total


def _fused(values: Tensor, weight: float, addend: Tensor) -> Tensor:
    """Return values * weight + addend, rounded once (products and sums by Dekker and Knuth)."""
    product = values * weight
    (high, low), (weight_high, weight_low) = _halves(values), _halves(values.new_tensor(weight))
    error = ((high * weight_high - product) + high * weight_low + low * weight_high) + low * weight_low
    total = product + addend
    back = total - product
    return total + (((product - (total - back)) + (addend - back)) + error)


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    scaled = values * (2**27 + 1)
    high = scaled - (scaled - values)
    return high, values - high
