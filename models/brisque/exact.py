"""Luminance, Gaussian window and half size to the last bit of what the package `brisque` 0.2.0 computes.

Where a picture is flat, as in a sky, on a page or after a strong blur, its coefficients are rounding errors,
and BRISQUE counts how many of them are negative. So its score depends on the order of additions, by up to 0.8
of 100. Here each sum that this depends on is taken in the order in which scikit-image 0.26, SciPy 1.17 and
OpenCV 4.11 take it on an x86-64 processor with fused multiply-add. Gradients are those of exact arithmetic.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

RED, GREEN, BLUE = 0.2125, 0.7154, 0.0721  # weights of the luminance
WINDOW = 7  # side of the Gaussian window in pixels; its standard deviation is 7/6 pixels

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

FLAT = 1e-12  # differences from the mean below this are rounding errors, or may be

_LEVELS = 255
_MARGIN = WINDOW // 2


def luminance(images: Tensor) -> Tensor:
    """Return the luminance (N, H, W), float64 in [0, 1], of images (N, 3, H, W) in [0, 1].

    Values as close to a grey level as the type of the images resolves are taken for that level.
    """
    found: Tensor = _Luminance.apply(images)
    return found


def halved(values: Tensor) -> Tensor:
    """Return (N, H, W) at half its size: cubic interpolation without antialiasing."""
    found: Tensor = _Halved.apply(values)
    return found


def windowed(values: Tensor) -> Tensor:
    """Return the Gaussian mean around each pixel of (N, H, W) float64, with zeros around the picture.

    The window is applied to columns, then to rows, so that the last bits are not those of the package.
    """
    weights = [weight / WEIGHTS[_MARGIN][_MARGIN] ** 0.5 for weight in WEIGHTS[_MARGIN]]
    for dim in (1, 2):
        around = F.pad(values, (0, 0, _MARGIN, _MARGIN) if dim == 1 else (_MARGIN, _MARGIN))
        parts = [around.narrow(dim, place, values.shape[dim]) for place in range(WINDOW)]
        values = parts[_MARGIN] * weights[_MARGIN]
        for place in range(_MARGIN):
            values.add_(parts[place] + parts[6 - place], alpha=weights[place])
    return values


def centred(values: Tensor) -> Tensor:
    """Return the difference of each pixel of (N, H, W) from the Gaussian mean around it.

    Those that are no more than rounding errors are the package's to the last bit.
    """
    difference = values - windowed(values)
    flat = (difference.abs() < FLAT).nonzero().unbind(1)
    if len(flat[0]):
        difference[flat] = values[flat] - _windowed_at(values, *flat)
    return difference


def _windowed_at(values: Tensor, image: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Return means (P,) around P pixels, each sum in the order of SciPy."""
    around = F.pad(values, (_MARGIN,) * 4)
    total = values.new_zeros(len(image))
    for down in reversed(range(WINDOW)):
        terms = [around[image, row + down, column + right] * WEIGHTS[down][right] for right in range(WINDOW)]
        total = total + (((terms[6] + terms[5]) + terms[4]) + terms[3])
        total = ((total + terms[2]) + terms[1]) + terms[0]
    return total


class _Luminance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        ctx.dtype = images.dtype
        levels = images * _LEVELS
        nearest = levels.round()
        on_grid = ((levels - nearest).abs() <= _LEVELS * torch.finfo(images.dtype).eps).all(1)
        if not on_grid.any():
            return _weighted(images)
        of_levels = _of_levels(nearest)
        return of_levels if on_grid.all() else torch.where(on_grid, of_levels, _weighted(images))

    @staticmethod
    def backward(ctx: Any, to_luminance: Tensor) -> Tensor:
        return torch.stack([to_luminance.to(ctx.dtype) * weight for weight in (RED, GREEN, BLUE)], 1)


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.shape = values.shape
        for dim in (2, 1):
            size = values.shape[dim]
            half = round(size / 2)
            first, last = values.narrow(dim, 0, 1), values.narrow(dim, size - 1, 1)
            around = torch.cat([first, values, *[last] * (2 * half + 1 - size)], dim)
            values = _every_second(around, dim, 0, half) * HALVING[0]
            for tap in (1, 2, 3):
                values += _every_second(around, dim, tap, half) * HALVING[tap]
        return values

    @staticmethod
    def backward(ctx: Any, to_half: Tensor) -> Tensor:
        for dim in (1, 2):
            size, half = ctx.shape[dim], to_half.shape[dim]
            shape = [*to_half.shape]
            shape[dim] = 2 * half + 2
            to_around = to_half.new_zeros(shape)
            for tap in range(4):
                _every_second(to_around, dim, tap, half).add_(to_half, alpha=HALVING[tap])
            to_half = to_around.narrow(dim, 1, size)
            to_half.select(dim, 0).add_(to_around.select(dim, 0))
            to_half.select(dim, size - 1).add_(to_around.narrow(dim, size + 1, 2 * half + 1 - size).sum(dim))
        return to_half


def _every_second(values: Tensor, dim: int, start: int, count: int) -> Tensor:
    index = [slice(None)] * values.ndim
    index[dim] = slice(start, start + 2 * count - 1, 2)
    return values[tuple(index)]


def _weighted(images: Tensor) -> Tensor:
    red, green, blue = images.double().unbind(1)
    return (green * GREEN).add_(red, alpha=RED).add_(blue, alpha=BLUE)


def _of_levels(levels: Tensor) -> Tensor:
    """Return the luminance (N, H, W) of whole grey levels (N, 3, H, W) from 0 to 255."""
    red_and_green, blue, blue_error = (table.to(levels.device) for table in _tables())
    shape = levels[:, 0].shape
    of_red, of_green, of_blue = levels.unbind(1)
    addend = red_and_green.index_select(0, of_red.mul(_LEVELS + 1).add_(of_green).int().flatten())
    level = of_blue.int().flatten()
    return _rounded_once(blue.index_select(0, level), blue_error.index_select(0, level), addend).view(shape)


@cache
def _tables() -> tuple[Tensor, Tensor, Tensor]:
    """Return the luminance (65536,) of red and green, that of blue (256,) and its rounding error (256,)."""
    values = torch.arange(_LEVELS + 1, dtype=torch.float64) * (1 / _LEVELS)
    green = (values * GREEN).unsqueeze(0)
    red, red_error = (part.unsqueeze(1) for part in _product(values, RED))
    return _rounded_once(red, red_error, green).flatten(), *_product(values, BLUE)


def _rounded_once(product: Tensor, error: Tensor, addend: Tensor) -> Tensor:
    """Return product + error + addend, rounded once (Knuth's sum): the fused operation."""
    total = product + addend
    back = total - product
    return total + (((product - (total - back)) + (addend - back)) + error)


def _product(values: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Return values * weight and its rounding error (Dekker's product)."""
    product = values * weight
    (high, low), (weight_high, weight_low) = _halves(values), _halves(values.new_tensor(weight))
    error = ((high * weight_high - product) + high * weight_low + low * weight_high) + low * weight_low
    return product, error


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    scaled = values * (2**27 + 1)
    high = scaled - (scaled - values)
    return high, values - high
