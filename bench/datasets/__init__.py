"""Image quality databases as tables: one adapter per database, one `Dataset` for the rest of the harness.

An adapter reads a database as its owner distributes it. `open_dataset` checks what it read, brings the
scores to quality in [0, 1], higher is better, and divides the scenes into training and test.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Dataset, DatasetAdapter, PublishedCounts, open_dataset

__all__ = ["Dataset", "DatasetAdapter", "PublishedCounts", "open_dataset"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import base

        return getattr(base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
