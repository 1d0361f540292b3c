"""The mask of Eq. 7: a sigmoid of the rank of each channel among the channels of its position."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Reading = Literal["literal", "suppress_top", "keep_top", "argsort", "suppress_middle"]

# Each reading as a sum of sigmoids: of the rank in which order, and with which sign of b.
_SIGMOIDS: dict[Reading, tuple[tuple[Literal["ascending", "descending"], int], ...]] = {
    "literal": (("ascending", 1),),
    "suppress_top": (("descending", 1),),
    "keep_top": (("ascending", -1),),
    "argsort": (("ascending", 1),),
    "suppress_middle": (("ascending", -1), ("descending", -1)),
}

# The mask's value far from its cut, and the ends of the order that the cut separates from there.
_FAR_FROM_CUT: dict[Reading, tuple[float, tuple[str, ...]]] = {
    "literal": (1.0, ("smallest",)),
    "suppress_top": (1.0, ("largest",)),
    "keep_top": (0.0, ("largest",)),
    "suppress_middle": (0.0, ("smallest", "largest")),
}

_IN_CACHE = 2**18  # features whose keys stay in the cache of the thread that works on them
_FAST_SORT = 256  # numbers that numpy sorts at once, in registers; beyond that it partitions first
_CHANNEL_BITS = 32  # of a key, the lower ones


def soft_rank_mask(features: Tensor, b: float, reading: Reading = "keep_top") -> Tensor:
    """M = sigmoid(sort(f) - K/2 + bK), over the K channels of each position (Eq. 7).

    Ranks count from 0, the smallest when ascending, to K - 1. Of equal features the one with the lower
    channel index counts as the smaller; a descending rank is K - 1 minus the ascending one. The paper does
    not say what `sort` is and contradicts itself on the sign of b, so there are five readings:

    - `literal`: ascending rank, as printed. The (0.5 + b) K largest are active.
    - `suppress_top`: descending rank, as printed. All but the (0.5 - b) K largest are active.
    - `keep_top`: ascending rank, the sign of b flipped. The (0.5 - b) K largest are active.
    - `argsort`: not the rank of a channel but the index of the channel that sorting puts in its place.
    - `suppress_middle`: `keep_top` of f and of -f together. The (0.5 - b) K largest and as many smallest are
      active.

    Args:
        features: (N, K, H, W) or (N, K), floating point.
        b: In [0, 0.5].
        reading: One of the five.

    Returns:
        The shape of `features`, in [0, 1]. It carries no gradient: ranks are piecewise constant.

    Raises:
        ValueError: `b` or `reading` is not one of these.
    """
    if not 0 <= b <= 0.5:
        raise ValueError(f"b must be in [0, 0.5], got {b}")
    if reading not in get_args(Reading):
        raise ValueError(f"reading must be one of {', '.join(get_args(Reading))}, got {reading!r}")
    rows = features.detach().movedim(1, -1)
    mask = _mask_of_rows(rows.reshape(-1, rows.shape[-1]).contiguous(), b, reading)
    return mask.view(rows.shape).movedim(-1, 1)


def softened_mask(
    features: Tensor, b: float, reading: Reading = "keep_top", temperature: float = 0.1
) -> Tensor:
    """The values of `soft_rank_mask` with the gradient of a soft mask, for attacks that see through ranks.

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
        features: (N, K, H, W) or (N, K), floating point.
        b: In [0, 0.5].
        reading: One of the five.
        temperature: tau, > 0, in standard deviations of the features over the channels of the position.

    Returns:
        The shape and values of `soft_rank_mask`, differentiable once.

    Raises:
        ValueError: `b`, `reading` or `temperature` is not one of these.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    mask: Tensor = _SoftenedMask.apply(features, b, reading, temperature)
    return mask


class _SoftenedMask(torch.autograd.Function):
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
    """The ascending rank at the cut of each sigmoid, and whether it rises (1) or falls (-1) there."""
    for order, sign in _SIGMOIDS[reading]:
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


def _mask_of_rows(rows: Tensor, b: float, reading: Reading) -> Tensor:
    channels = rows.shape[-1]
    by_rank = _mask_by_rank(torch.arange(channels, device=rows.device), channels, b, reading).to(rows.dtype)
    if reading == "argsort":
        (order,) = _channels_at(rows, [_End(channels, largest=False)])
        return by_rank[order]
    # Away from its cut the sigmoid is 0 or 1 to the last digit, so not the whole order has to be known: only
    # the end that the cut separates, and some ranks more.
    saturation = math.ceil(-math.log(torch.finfo(rows.dtype).eps)) + 1
    reach = min(channels, math.ceil((0.5 - b) * channels) + saturation)
    far, separated = _FAR_FROM_CUT[reading]
    ends = [_End(reach, largest=name == "largest") for name in separated]
    mask = rows.new_full(rows.shape, far)
    for end, found in zip(ends, _channels_at(rows, ends), strict=True):
        mask.scatter_(-1, found, by_rank[end.ranks].expand_as(found))
    return mask


def _mask_by_rank(ascending: Tensor, channels: int, b: float, reading: Reading) -> Tensor:
    rank = {"ascending": ascending.double(), "descending": channels - 1 - ascending.double()}
    half, shift = channels / 2, b * channels
    sigmoids = [torch.sigmoid(rank[order] - half + sign * shift) for order, sign in _SIGMOIDS[reading]]
    return torch.stack(sigmoids).sum(0)


@dataclass(frozen=True)
class _End:
    """The `count` smallest or largest of an order."""

    count: int
    largest: bool

    @property
    def ranks(self) -> slice:
        return slice(-self.count, None) if self.largest else slice(self.count)


def _channels_at(rows: Tensor, ends: list[_End]) -> list[Tensor]:
    """The channels at these ends of each row's order, by ascending rank."""
    if rows.dtype == torch.float64:
        rows = rows.argsort(dim=-1, stable=True).argsort(dim=-1)  # in the same order, and exact in float32
    rows = rows.float() + 0.0  # -0 + 0 is 0
    if rows.device.type == "cpu":
        return _channels_at_on_cpu(rows.numpy(), ends)
    keys = _keys_without_ties(rows.view(torch.int32), torch.arange(rows.shape[-1], device=rows.device))
    return [_channel_of(_sorted_tensor_end(keys, end)) for end in ends]


def _channels_at_on_cpu(rows: np.ndarray, ends: list[_End]) -> list[Tensor]:
    # numpy sorts with vector instructions, which torch does not. A thread takes a piece at a time.
    channels = np.arange(rows.shape[-1])

    def found_in(piece: np.ndarray) -> list[np.ndarray]:
        keys = _keys_without_ties(piece.view(np.int32), channels)
        return [_channel_of(_sorted_end(keys, end)) for end in ends]

    pieces = np.array_split(rows, math.ceil(rows.size / _IN_CACHE) or 1)
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        found = list(threads.map(found_in, pieces))
    return [torch.from_numpy(np.concatenate(of_end)) for of_end in zip(*found, strict=True)]


def _keys_without_ties(bits: Any, channels: Any) -> Any:
    """Integers in the order of the features, and of equal features by channel, which the lower bits hold.

    Args:
        bits: Those of float32 features, as an int32 array or tensor.
        channels: 0 to K - 1, int64.
    """
    # A float's bits are in its order as an integer once those of negative floats are flipped. In place, since
    # this takes as long as sorting.
    in_order = bits >> 31
    in_order &= 0x7FFFFFFF
    in_order ^= bits
    keys = in_order + 0 * channels  # int64
    keys <<= _CHANNEL_BITS
    keys |= channels
    return keys


def _channel_of(keys: Any) -> Any:
    return keys & ((1 << _CHANNEL_BITS) - 1)


def _sorted_end(keys: np.ndarray, end: _End) -> np.ndarray:
    """That end of each row, ascending; reorders the keys of a row."""
    size = keys.shape[-1]
    if size > _FAST_SORT and 2 * end.count <= _FAST_SORT:
        halves = keys[:, : size // 2], keys[:, size // 2 :]
        keys = np.concatenate([_sorted_end(half, end) for half in halves], axis=-1)
    elif size > _FAST_SORT:
        keys.partition(size - end.count if end.largest else end.count - 1, axis=-1)
        keys = keys[:, end.ranks]
    keys.sort(axis=-1)
    return keys[:, end.ranks]


def _sorted_tensor_end(keys: Tensor, end: _End) -> Tensor:
    found = keys.topk(end.count, largest=end.largest).values
    return found.flip(-1) if end.largest else found
