"""The tables of a report. Each module of this folder has a function `build`, which yields its tables."""

import pkgutil
from importlib import import_module

from ..selection import Selection
from ..table import Table


def build_tables(selection: Selection) -> tuple[Table, ...]:
    """Return the tables of all modules: Table 0, those of a letter, those of the paper, and A1 and so on."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    tables = [table for module in modules for table in module.build(selection)]
    return tuple(sorted(tables, key=lambda table: _place(table.number)))


def _place(number: str) -> tuple[int, int, str]:
    kinds = (number == "0", number.isalpha(), number.isdecimal())
    return kinds.index(True) if True in kinds else len(kinds), len(number), number
