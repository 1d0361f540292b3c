"""Reports: the paper's tables and figures, rendered from a store; its numbers. Loaded on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import published
    from .report import write_figure, write_report

__all__ = ["published", "write_figure", "write_report"]


def __getattr__(name: str) -> Any:
    if name == "published":
        return import_module(".published", __name__)
    if name in __all__:
        from . import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
