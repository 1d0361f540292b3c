"""Random numbers of a process that torch, numpy and Python draw without a generator of their own."""

import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed the generators that a process shares, since models and attacks may draw from any of them."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - user's code draws from it
    random.seed(seed)


def seed_of(*parts: int) -> int:
    """Return a seed that is made of several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
