"""Reports: the paper's tables and figures rendered from a store, and the paper's numbers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
