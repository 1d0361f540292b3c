"""The shape of a generalised Gaussian distribution from a ratio of its moments, with the exact derivative."""

from typing import Any

import torch
from torch import Tensor

LOWEST, HIGHEST = 0.05, 100.0
"""Bounds of a shape. The ratio of a flatter distribution than the highest belongs to none."""

_HALVINGS, _NEWTON = 12, 4  # steps: from an interval of the logarithm, then from 0.2% to the last bits


def ratio_of_shape(alpha: Tensor) -> Tensor:
    """Return Gamma(2/a)^2 / (Gamma(1/a) Gamma(3/a)): E|x|^2 / E x^2 of a distribution of shape a."""
    return torch.exp(2 * torch.lgamma(2 / alpha) - torch.lgamma(1 / alpha) - torch.lgamma(3 / alpha))


def shape_of_ratio(ratio: Tensor) -> Tensor:
    """Return the shape whose `ratio_of_shape` is given, within `LOWEST` and `HIGHEST`.

    It is found by bisection and Newton's method. The gradient is that of the implicit function, one over the
    derivative of `ratio_of_shape`.
    """
    shape: Tensor = _Shape.apply(ratio)
    return shape


class _Shape(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, ratio: Tensor) -> Tensor:
        low, high = (torch.full_like(ratio, bound).log() for bound in (LOWEST, HIGHEST))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = ratio_of_shape(middle.exp()) > ratio
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        alpha = ((low + high) / 2).exp()
        for _ in range(_NEWTON):
            alpha = alpha - (ratio_of_shape(alpha) - ratio) / _slope(alpha)
            alpha = alpha.clamp(low.exp(), high.exp())
        ctx.save_for_backward(alpha)
        return alpha

    @staticmethod
    def backward(ctx: Any, to_alpha: Tensor) -> Tensor:
        (alpha,) = ctx.saved_tensors
        return to_alpha / _slope(alpha)


def _slope(alpha: Tensor) -> Tensor:
    """Return the derivative of `ratio_of_shape`."""
    one, two, three = (torch.digamma(count / alpha) * count for count in (1, 2, 3))
    return ratio_of_shape(alpha) * (one + three - 2 * two) / alpha.square()
