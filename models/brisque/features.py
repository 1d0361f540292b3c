"""The 36 features of BRISQUE: shapes and variances of an image's normalised luminance at two scales.

Mittal, Moorthy and Bovik, No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 2012. Where
the package `brisque` 0.2.0 computes otherwise than the paper, it is followed, as its weights are used with
that: luminance and the constant C are on a scale of [0, 1] (C = 1/255), pictures are continued by zeros, the
smaller scale takes every second pixel of a bicubic interpolation without antialiasing, the first two features
are fitted as an asymmetric distribution like the others, and the shape is solved for, not looked up.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .exact import centred, halved, luminance, windowed
from .shape import shape_of_ratio

C = 1 / 255  # added to the deviation, so that the normalisation of a flat region stays finite
FLOOR = 1e-100  # least mean square; the rounding errors of flat regions have one of about 1e-32

AT_ONCE = 50_000
"""Pixels of several pictures that are computed together: their arrays fit into a processor's cache."""


def brisque_features(images: Tensor) -> Tensor:
    """Return features (N, 36) of images (N, 3, H, W) in [0, 1]: 18 at full size, then 18 at half."""
    pixels = images.shape[2] * images.shape[3]
    parts = [_moments_at_two_scales(part) for part in torch.split(images, max(1, AT_ONCE // pixels))]
    return _features(torch.cat(parts)).flatten(1)


def mscn(values: Tensor) -> Tensor:
    """Return the mean subtracted, contrast normalised coefficients (N, H, W) of a luminance (Eq. 1 to 3)."""
    found: Tensor = _Normalised.apply(values)
    return found


def _moments_at_two_scales(images: Tensor) -> Tensor:
    full = luminance(images)
    return torch.stack([_moments(mscn(values)) for values in (full, halved(full))], 1)


def _features(moments: Tensor) -> Tensor:
    """Return features (..., 18) from moments (..., 5, 3) of the coefficients and their four products."""
    ratio, left, right = moments.unbind(-1)
    alpha = shape_of_ratio(ratio)
    sides = right.sqrt() - left.sqrt()
    mean = sides * torch.exp(
        torch.lgamma(2 / alpha) - (torch.lgamma(1 / alpha) + torch.lgamma(3 / alpha)) / 2
    )
    of_products = torch.stack([alpha, mean, left, right], -1)[..., 1:, :]
    of_coefficients = torch.stack([alpha[..., 0], (left[..., 0] + right[..., 0]) / 2], -1)
    return torch.cat([of_coefficients, of_products.flatten(-2)], -1)


def _moments(coefficients: Tensor) -> Tensor:
    """Return (N, 5, 3) for the fit of asymmetric generalised Gaussians (Lasmar et al. 2009).

    They are the ratio that determines the shape, and the mean squares to the left and to the right of zero. A
    mean square is at least `FLOOR`, so that a picture without contrast has a score; the package has none.
    """
    absolute, left, right, negative, size = _Sums.apply(coefficients).unbind(2)
    ratio = (absolute / size).square() / ((left + right) / size).clamp(min=FLOOR)
    left = (left / negative.clamp(min=1)).clamp(min=FLOOR)
    right = (right / (size - negative).clamp(min=1)).clamp(min=FLOOR)
    gamma = (left / right).sqrt()
    ratio = ratio * (gamma**3 + 1) * (gamma + 1) / (gamma.square() + 1).square()
    return torch.stack([ratio, left, right], 2)


class _Normalised(torch.autograd.Function):
    """(v - m) / (s + C), where m is the mean around each pixel and s = |m^2 - mean of v^2|^(1/2)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        difference = centred(values)
        mean = values - difference
        variance = windowed(values.square()).addcmul_(mean, mean, value=-1)
        divisor = variance.abs().sqrt_().add_(C)
        found = difference.div_(divisor)
        ctx.save_for_backward(values, mean, variance, divisor, found)
        return found

    @staticmethod
    def backward(ctx: Any, to_found: Tensor) -> Tensor:
        values, mean, variance, divisor, found = ctx.saved_tensors
        to_difference = to_found / divisor
        # The gradient of the root at zero is taken for zero, not infinite.
        slope = variance.sign().div_((divisor - C).clamp_(min=FLOOR))
        to_variance = (to_difference * found).mul_(slope).mul_(-0.5)
        to_mean = (to_variance * mean).mul_(-2).sub_(to_difference)
        return windowed(to_mean).add_(to_difference).addcmul_(values, windowed(to_variance), value=2)


class _Sums(torch.autograd.Function):
    """Sums (N, 5, 5) over coefficients (N, H, W) and over the products of neighbours in four directions.

    They are those of the absolute values and of the squares left and right of zero, the number left of zero,
    and the number of all.
    """

    @staticmethod
    def forward(ctx: Any, coefficients: Tensor) -> Tensor:
        ctx.save_for_backward(coefficients)
        return torch.stack([_sums(coefficients), *(_sums(a * b) for a, b in _neighbours(coefficients))], 1)

    @staticmethod
    def backward(ctx: Any, to_sums: Tensor) -> Tensor:
        (coefficients,) = ctx.saved_tensors
        of_each = to_sums.unbind(1)
        to_coefficients = _to_values(coefficients, of_each[0])
        pairs = zip(_neighbours(coefficients), _neighbours(to_coefficients), of_each[1:], strict=True)
        for (a, b), (to_a, to_b), to_product in pairs:
            to_values = _to_values(a * b, to_product)
            to_a.addcmul_(to_values, b)
            to_b.addcmul_(to_values, a)
        return to_coefficients


def _neighbours(values: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pairs of views of (N, H, W): pixels and their neighbours across, down and along the diagonals."""
    yield values[:, :, :-1], values[:, :, 1:]
    yield values[:, :-1], values[:, 1:]
    yield values[:, :-1, :-1], values[:, 1:, 1:]
    yield values[:, 1:, :-1], values[:, :-1, 1:]


def _sums(values: Tensor) -> Tensor:
    values = values.flatten(1)
    left, right = values.clamp(max=0), values.clamp(min=0)
    squares = [torch.linalg.vector_norm(side, dim=1).square_() for side in (left, right)]
    absolute = right.sum(1) - left.sum(1)
    negative = torch.lt(values, 0, out=right).sum(1)
    return torch.stack([absolute, *squares, negative, torch.full_like(negative, values.shape[1])], 1)


def _to_values(values: Tensor, to_sums: Tensor) -> Tensor:
    to_absolute, to_left, to_right, _, _ = to_sums.unsqueeze(2).unsqueeze(3).unbind(1)
    odd, even = to_right + to_left, to_right - to_left  # of v and |v|; where v is zero, so is the gradient
    return torch.addcmul(to_absolute, values, even).mul_(values.sign()).addcmul_(values, odd)
