"""Eq. 7 taken literally as a soft ranking of low temperature: the mask's values, with a shattered gradient.

A soft rank is differentiable, so an implementation of the paper may have had this gradient without noticing
that it is useless: it is zero but for features that almost tie, and there it is huge.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .fast_mask import soft_rank_mask
from .mask import READINGS, Reading

TEMPERATURE = 0.001  # of the soft ranks, in units of the features
_AT_ONCE = 2**24  # differences of features held in memory


def sharp_mask(
    features: Tensor, b: float, reading: Reading = "keep_top", temperature: float = TEMPERATURE
) -> Tensor:
    """Return the values of `soft_rank_mask` with the gradient of soft ranks.

    The soft rank of channel k and its gradient, with s the sigmoid and s' its derivative, are

        R_k = sum_j s((f_k - f_j) / tau),
        dR_k / df_j = (delta_kj sum_i s'((f_k - f_i) / tau) - s'((f_k - f_j) / tau)) / tau,

    and dM_k / df_j = M'(r_k) dR_k / df_j, where M' is the derivative of Eq. 7 by the rank, at the rank r_k.

    Args:
        features, b, reading: As `mask.mask_by_definition` takes them; any reading that ranks channels, all
            but `argsort`.
        temperature: tau, > 0, in units of the features.

    Returns:
        The shape and values of `soft_rank_mask`, differentiable once.

    Raises:
        ValueError: `b` or `temperature` is not one of these, or the reading ranks no channel.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    if reading == "argsort":
        raise ValueError("the reading 'argsort' has no ranks of channels, so no gradient through them")
    mask: Tensor = _SharpMask.apply(features, b, reading, temperature)
    return mask


class _SharpMask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, b: float, reading: Reading, temperature: float) -> Tensor:
        ctx.save_for_backward(features)
        ctx.arguments = b, reading, temperature
        return soft_rank_mask(features, b, reading)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (features,) = ctx.saved_tensors
        b, reading, temperature = ctx.arguments
        rows = features.movedim(1, -1)
        to_rank = gradient.movedim(1, -1) * _slope(rows, b, reading)
        values, upstream = rows.flatten(0, -2), to_rank.flatten(0, -2)
        to_rows = torch.empty_like(values)
        at_once = max(1, _AT_ONCE // values.shape[1] ** 2)
        for start in range(0, len(values), at_once):
            chosen = slice(start, start + at_once)
            soft = torch.sigmoid((values[chosen, :, None] - values[chosen, None, :]) / temperature)
            near = soft * (1 - soft) / temperature
            summed = torch.einsum("nkj,nj->nk", near, upstream[chosen])
            to_rows[chosen] = upstream[chosen] * near.sum(-1) - summed
        return to_rows.view(rows.shape).movedim(-1, 1), None, None, None


def _slope(rows: Tensor, b: float, reading: Reading) -> Tensor:
    """Return the derivative of Eq. 7 by the ascending rank, at the rank of each feature (..., K)."""
    channels = rows.shape[-1]
    ascending = rows.argsort(dim=-1, stable=True).argsort(dim=-1).double()
    slope = torch.zeros_like(ascending)
    for order, sign in READINGS[reading]:
        rank = ascending if order == "ascending" else channels - 1 - ascending
        sigmoid = torch.sigmoid(rank - channels / 2 + sign * b * channels)
        slope += (1 if order == "ascending" else -1) * sigmoid * (1 - sigmoid)
    return slope.to(rows.dtype)
