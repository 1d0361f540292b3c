"""CPRL: a channel mask by soft rank (Eq. 7), trained with a minimax PNS risk (Eq. 12 to 14)."""

from .mask import soft_rank_mask
from .model import CPRL

__all__ = ["CPRL", "soft_rank_mask"]
