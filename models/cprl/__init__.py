"""CPRL: a channel mask by soft rank (Eq. 6, 7), trained against interventions on features (Eq. 11 to 14).

In the paper's order: `model.py` has Eq. 6, `mask.py` Eq. 7, `intervention.py` Eq. 11 to 13, `recipe.py`
Eq. 14 and Algorithm 1. `fast_mask.py` computes Eq. 7 faster, `bpda.py` gives it a gradient for attacks.
"""

from .fast_mask import soft_rank_mask
from .model import CPRL

__all__ = ["CPRL", "soft_rank_mask"]
