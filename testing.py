"""Checks for the authors of plugins to call in their own tests."""

from .models.check import check_model

__all__ = ["check_model"]
