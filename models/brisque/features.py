"""The 36 features of BRISQUE: shapes and variances of an image's normalised luminance at two scales.

Mittal, Moorthy and Bovik, No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 2012. Where
the package `brisque` 0.2.0 computes otherwise than the paper, it is followed, as its weights are used with
that: luminance and the constant C are on a scale of [0, 1] (C = 1/255), pictures are continued by zeros, the
smaller scale takes every second pixel of a bicubic interpolation without antialiasing, the first two features
are fitted as an asymmetric distribution like the others, and the shape is solved for, not looked up.
"""

from typing import Any

import torch
from torch import Tensor

from .exact import halved, luminance, windowed
from .shape import shape_of_ratio

C = 1 / 255
"""Added to the deviation, so that the normalisation of a flat region stays finite."""

FLOOR = 1e-100
"""Least mean square; the rounding errors of flat regions have one of about 1e-32."""


def brisque_features(images: Tensor) -> Tensor:
    """Return features (N, 36) of images (N, 3, H, W) in [0, 1]: 18 at full size, then 18 at half."""
    full = luminance(images)
    return torch.cat([_features(full), _features(halved(full))], 1)


def mscn(values: Tensor) -> Tensor:
    """Return the mean subtracted, contrast normalised coefficients (N, H, W) of a luminance (Eq. 1 to 3)."""
    mean = windowed(values)
    deviation = _root((mean.square() - windowed(values.square())).abs())
    return (values - mean) / (deviation + C)


def _features(values: Tensor) -> Tensor:
    coefficients = mscn(values)
    neighbours = (
        coefficients[:, :, :-1] * coefficients[:, :, 1:],
        coefficients[:, :-1] * coefficients[:, 1:],
        coefficients[:, :-1, :-1] * coefficients[:, 1:, 1:],
        coefficients[:, 1:, :-1] * coefficients[:, :-1, 1:],
    )
    moments = torch.stack([_moments(of) for of in (coefficients, *neighbours)], 1)
    ratio, left, right = moments.unbind(2)
    alpha = shape_of_ratio(ratio)
    sides = right.sqrt() - left.sqrt()
    mean = sides * torch.exp(
        torch.lgamma(2 / alpha) - (torch.lgamma(1 / alpha) + torch.lgamma(3 / alpha)) / 2
    )
    of_products = torch.stack([alpha, mean, left, right], 2)[:, 1:]
    of_coefficients = torch.stack([alpha[:, 0], (left[:, 0] + right[:, 0]) / 2], 1)
    return torch.cat([of_coefficients, of_products.flatten(1)], 1)


def _moments(values: Tensor) -> Tensor:
    """Return (N, 3) for the fit of an asymmetric generalised Gaussian (Lasmar et al. 2009).

    They are the ratio that determines the shape, and the mean squares to the left and to the right of zero. A
    mean square is at least `FLOOR`, so that a picture without contrast has a score; the package has none.
    """
    size = values[0].numel()
    absolute, left, right, negative = _Sums.apply(values.flatten(1))
    ratio = (absolute / size).square() / ((left + right) / size).clamp(min=FLOOR)
    left = (left / negative.clamp(min=1)).clamp(min=FLOOR)
    right = (right / (size - negative).clamp(min=1)).clamp(min=FLOOR)
    gamma = (left / right).sqrt()
    ratio = ratio * (gamma**3 + 1) * (gamma + 1) / (gamma.square() + 1).square()
    return torch.stack([ratio, left, right], 1)


class _Sums(torch.autograd.Function):
    """Sums (N,) over values (N, P): absolute values, squares left and right of zero, their number left."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        ctx.save_for_backward(values)
        left, right = (side.square().sum(1) for side in (values.clamp(max=0), values.clamp(min=0)))
        return values.abs().sum(1), left, right, (values < 0).sum(1)

    @staticmethod
    def backward(ctx: Any, to_absolute: Tensor, to_left: Tensor, to_right: Tensor, _: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        to_values: Tensor = values.sign().mul_(to_absolute.unsqueeze(1))
        to_values.addcmul_(values.clamp(max=0), to_left.unsqueeze(1), value=2)
        return to_values.addcmul_(values.clamp(min=0), to_right.unsqueeze(1), value=2)


def _root(values: Tensor) -> Tensor:
    """Return square roots; the gradient at zero is zero, not infinite."""
    positive = values > 0
    return torch.where(positive, torch.where(positive, values, 1.0).sqrt(), 0.0)
