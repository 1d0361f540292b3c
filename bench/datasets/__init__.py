"""Image quality databases as tables: one adapter per database, one `Dataset` for the rest of the harness.

An adapter reads a database as its owner distributes it. `open_dataset` checks what it read, brings the
scores to quality in [0, 1], higher is better, and divides the scenes into training and test.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
