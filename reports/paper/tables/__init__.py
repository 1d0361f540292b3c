"""The tables of a report. Each module of this folder has a function `build`, which yields its tables."""

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..selection import Selection
from ..table import Table


class Content(NamedTuple):
    """What tables are made from.

    Attributes:
        results: A row for every cell of the store.
        selection: The rows that the tables of models and Figure 6 show.
        root: The store's folder, whose files tell more of its datasets; None if it is not known.
    """

    results: pd.DataFrame
    selection: Selection
    root: Path | None = None


def build_tables(content: Content) -> tuple[Table, ...]:
    """Return the tables of all modules in the order of their numbers, those with a letter last."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    tables = [table for module in modules for table in module.build(content)]
    return tuple(
        sorted(tables, key=lambda table: (not table.number.isdecimal(), len(table.number), table.number))
    )
