"""Random numbers of a process that torch, numpy and Python draw without a generator of their own."""

import random
from functools import cache

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed the generators that a process shares, since models and attacks may draw from any of them."""
    if _has_accelerator():
        torch.manual_seed(seed)
    else:  # torch.manual_seed takes ten times as long: it formats the stack for devices that may come
        torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - user's code draws from it
    random.seed(seed)


@cache
def _has_accelerator() -> bool:
    kinds = torch.cuda, torch.backends.mps, torch.xpu, torch.mtia
    return any(kind.is_available() for kind in kinds)
