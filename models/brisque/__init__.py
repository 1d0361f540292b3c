"""BRISQUE (Mittal et al. 2012), differentiable, with the weights of the package `brisque` 0.2.0."""

import lazy_loader

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"model": ["BRISQUE"]})

__all__ = ["BRISQUE"]
