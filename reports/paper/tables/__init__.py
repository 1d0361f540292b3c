"""The tables of a report. Each module of this folder has a function `build`, which yields its tables."""

import pkgutil
from importlib import import_module

from ..selection import Content
from ..table import Table


def build_tables(content: Content) -> tuple[Table, ...]:
    """Return the tables of all modules in the order of their numbers, those with a letter last."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    tables = [table for module in modules for table in module.build(content)]
    return tuple(
        sorted(tables, key=lambda table: (not table.number.isdecimal(), len(table.number), table.number))
    )
