"""Eq. 7 by a partial sort: the values of `mask.mask_by_definition` at a fraction of its time.

Away from its cut the sigmoid is 0 or 1 to the last digit. So only the end of the order that the cut separates
has to be sorted, and the few ranks around the cut. On a CPU numpy sorts, with vector instructions that torch
does not have.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .mask import Reading, check_mask, mask_of_rank

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
    """Return the mask M of Eq. 7; arguments, readings and errors are those of `mask.mask_by_definition`.

    It has the shape of `features`, is in [0, 1], and carries no gradient.
    """
    check_mask(b, reading)
    rows = features.detach().movedim(1, -1)
    mask = _mask_of_rows(rows.reshape(-1, rows.shape[-1]).contiguous(), b, reading)
    return mask.view(rows.shape).movedim(-1, 1)


def _mask_of_rows(rows: Tensor, b: float, reading: Reading) -> Tensor:
    channels = rows.shape[-1]
    by_rank = mask_of_rank(torch.arange(channels, device=rows.device), channels, b, reading).to(rows.dtype)
    if reading == "argsort":
        (order,) = _channels_at(rows, [_End(channels, largest=False)])
        return by_rank[order]
    saturation = math.ceil(-math.log(torch.finfo(rows.dtype).eps)) + 1
    reach = min(channels, math.ceil((0.5 - b) * channels) + saturation)
    far, separated = _FAR_FROM_CUT[reading]
    ends = [_End(reach, largest=name == "largest") for name in separated]
    mask = rows.new_full(rows.shape, far)
    for end, found in zip(ends, _channels_at(rows, ends), strict=True):
        mask.scatter_(-1, found, by_rank[end.ranks].expand_as(found))
    return mask


@dataclass(frozen=True)
class _End:
    """The `count` smallest or largest of an order."""

    count: int
    largest: bool

    @property
    def ranks(self) -> slice:
        return slice(-self.count, None) if self.largest else slice(self.count)


def _channels_at(rows: Tensor, ends: list[_End]) -> list[Tensor]:
    """Return the channels at these ends of each row's order, by ascending rank."""
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
    """Return integers in the order of the features, of equal ones by channel, which the lower bits hold.

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
    """Return that end of each row, ascending; reorders the keys of a row."""
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
