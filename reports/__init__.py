"""Reports: the paper's tables and figures, rendered from a store. Loaded on first use."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .report import write_figure, write_report

__all__ = ["write_figure", "write_report"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
