"""Image quality databases as tables: one adapter per database, one `Dataset` for the rest of the harness.

An adapter reads a database as its owner distributes it. `open_dataset` checks what it read, brings the
scores to quality in [0, 1], higher is better, and divides the scenes into training and test.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .base import Database as Database
    from .base import Dataset as Dataset
    from .base import DatasetAdapter as DatasetAdapter
    from .base import open_dataset as open_dataset

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"base": ["Database", "Dataset", "DatasetAdapter", "open_dataset"]}
)
