"""BPDA for the mask of Eq. 7: its own values, with the gradient of a soft mask, for attacks on ranks.

Athalye et al. 2018, "Backward pass differentiable approximation": where the gradient of a step of a model is
zero or misleading, an attack goes forward through the step and back through a differentiable stand-in.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .fast_mask import soft_rank_mask
from .mask import READINGS, Reading


def bpda_mask(features: Tensor, b: float, reading: Reading = "keep_top", temperature: float = 0.1) -> Tensor:
    """Return the values of `soft_rank_mask` with the gradient of a soft mask.

    A channel becomes active where its feature passes the one at the cut, theta: the feature whose rank is the
    first that is active, at a sigmoid of 1/2 or more. The soft mask is a sigmoid of the distance to it in
    feature values, not in ranks,

        S_k = sigmoid((f_k - theta) / tau),    theta such that sum_k S_k keeps its value,

    so that, as in a ranking, no channel rises unless others sink. Its gradient, with w_k = S_k (1 - S_k), is

        dS_k / df_j = w_k / tau (delta_kj - w_j / sum_i w_i).

    This takes O(K) time and memory; the gradient of soft ranks, sum_j sigmoid((f_k - f_j) / tau), takes
    O(K^2) and was found to be no stronger. Through Eq. 7's own unit slope only the few channels next to the
    cut would have a gradient, through tau all that a small perturbation may carry across it have one.

    Where the mask falls with f its gradient is that of -S; `suppress_middle` adds the gradients at its two
    cuts. `argsort` has no cut in f: what changes is which channel sorting puts in a place. There the soft
    mask of place i, at which sorting puts the feature s_i, is the mean of the masks of the places near by
    (Prillo and Eisenschlos 2020, SoftSort),

        S_i = sum_j M_j exp(-|s_i - s_j| / tau) / sum_j exp(-|s_i - s_j| / tau).

    Args:
        features, b, reading: As `mask.mask_by_definition` takes them.
        temperature: tau, > 0, in standard deviations of the features over the channels of the position.

    Returns:
        The shape and values of `soft_rank_mask`, differentiable once.

    Raises:
        ValueError: `b`, `reading` or `temperature` is not one of these.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    mask: Tensor = _BPDAMask.apply(features, b, reading, temperature)
    return mask


class _BPDAMask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, b: float, reading: Reading, temperature: float) -> Tensor:
        ctx.save_for_backward(features)
        ctx.arguments = b, reading, temperature
        return soft_rank_mask(features, b, reading)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None, None]:
        (features,) = ctx.saved_tensors
        b, reading, temperature = ctx.arguments
        rows, to_mask = features.movedim(1, -1), gradient.movedim(1, -1)
        # Where all features are equal there is no direction: an infinite 1 / tau becomes 0.
        per_tau = (temperature * rows.std(-1, correction=0, keepdim=True)).reciprocal().nan_to_num(posinf=0)
        if reading == "argsort":
            mask = soft_rank_mask(features, b, reading).movedim(1, -1)
            return _through_order(rows, mask, per_tau, to_mask).movedim(-1, 1), None, None, None
        to_rows = torch.zeros_like(rows)
        for cut, slope in _cuts(rows.shape[-1], b, reading):
            to_rows += slope * _through_cut(rows, cut, per_tau, to_mask)
        return to_rows.movedim(-1, 1), None, None, None


def _cuts(channels: int, b: float, reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield the ascending rank at the cut of each sigmoid, and whether it rises (1) or falls (-1) there."""
    for order, sign in READINGS[reading]:
        rank = min(channels - 1, math.ceil(channels / 2 - sign * b * channels))  # the first that is active
        yield (rank, 1) if order == "ascending" else (channels - 1 - rank, -1)


def _through_cut(rows: Tensor, cut: int, per_tau: Tensor, to_mask: Tensor) -> Tensor:
    theta = rows.kthvalue(cut + 1, dim=-1, keepdim=True).values
    soft = torch.sigmoid((rows - theta) * per_tau)
    weight = soft * (1 - soft)
    mean = (weight * to_mask).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True)
    return per_tau * weight * (to_mask - mean)


def _through_order(rows: Tensor, mask: Tensor, per_tau: Tensor, to_mask: Tensor) -> Tensor:
    with torch.enable_grad():
        # In double: the exponents may be as large as K^(1/2) / temperature.
        features = rows.detach().double().requires_grad_()
        in_order = features.gather(-1, rows.argsort(dim=-1, stable=True))
        growing = torch.exp((in_order - in_order.detach().mean(-1, keepdim=True)) * per_tau)

        def summed_over_neighbours(values: Tensor) -> Tensor:
            below = (values * growing).cumsum(-1) / growing
            above = (values / growing).flip(-1).cumsum(-1).flip(-1) * growing
            return below + above - values

        soft = summed_over_neighbours(mask.double()) / summed_over_neighbours(torch.ones_like(growing))
        (to_rows,) = torch.autograd.grad(soft, features, to_mask.double())
    return to_rows.to(rows.dtype)
