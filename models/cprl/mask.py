"""The mask of Eq. 7: a sigmoid of the rank of each channel among the channels of its position.

This is its definition. `fast_mask.py` computes the same several times faster, `bpda.py` gives it a gradient.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

Reading = Literal["literal", "suppress_top", "keep_top", "argsort", "suppress_middle"]
Order = Literal["ascending", "descending"]

READINGS: dict[Reading, tuple[tuple[Order, int], ...]] = {
    "literal": (("ascending", 1),),
    "suppress_top": (("descending", 1),),
    "keep_top": (("ascending", -1),),
    "argsort": (("ascending", 1),),
    "suppress_middle": (("ascending", -1), ("descending", -1)),
}
"""Each reading of Eq. 7 as a sum of sigmoids: the order that ranks are counted in, and the sign of b."""


def mask_by_definition(features: Tensor, b: float, reading: Reading = "keep_top") -> Tensor:
    """Return M = sigmoid(sort(f) - K/2 + bK), over the K channels of each position (Eq. 7).

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
    check_mask(b, reading)
    channels_in_order = features.detach().argsort(dim=1, stable=True)
    rank_of_channel = channels_in_order.argsort(dim=1)
    rank = channels_in_order if reading == "argsort" else rank_of_channel
    return mask_of_rank(rank, features.shape[1], b, reading).to(features.dtype)


def mask_of_rank(ascending: Tensor, channels: int, b: float, reading: Reading) -> Tensor:
    """Apply Eq. 7 to ascending ranks of any shape among K channels, in double precision."""
    rank = {"ascending": ascending.double(), "descending": channels - 1 - ascending.double()}
    half, shift = channels / 2, b * channels
    sigmoids = [torch.sigmoid(rank[order] - half + sign * shift) for order, sign in READINGS[reading]]
    return torch.stack(sigmoids).sum(0)


def check_mask(b: float, reading: str) -> None:
    """Raise a ValueError where `b` is not in [0, 0.5], or there is no such reading."""
    if not 0 <= b <= 0.5:
        raise ValueError(f"b must be in [0, 0.5], got {b}")
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(get_args(Reading))}, got {reading!r}")
