"""Checks for the authors of plugins to call in their own tests."""

from .bench.datasets.check_dataset import check_dataset
from .bench.sweep.measuring.check_attack import check_attack
from .models.check import check_model
from .models.defences.check import check_defence

__all__ = ["check_attack", "check_dataset", "check_defence", "check_model"]
