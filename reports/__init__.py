"""Reports: the paper's tables and figures rendered from a store, and the paper's numbers."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from . import published as published
    from .formats.write import write_figure as write_figure
    from .formats.write import write_report as write_report

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["published"], submod_attrs={"formats.write": ["write_figure", "write_report"]}
)
