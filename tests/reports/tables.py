"""Finds things in the tables of a report."""

from collections.abc import Callable
from importlib import import_module

from iqabench.reports.paper.selection import select
from iqabench.reports.paper.table import Block, Cell, Row, Table


def tables_by(module: str) -> Callable[..., dict[str, Table]]:
    """Return a function that makes the tables of one module of `reports/paper/tables`, by number."""
    build = import_module(f"iqabench.reports.paper.tables.{module}").build
    return lambda results, root=None: {table.number: table for table in build(select(results, root))}


def row_of(table: Table | Block, name: str) -> Row:
    """Return the only row of a name."""
    (row,) = (row for row in table.rows if row.name.text == name)
    return row


def cell_of(table: Table, model: str, heading: str, place: int = 0) -> Cell:
    """Return a cell of a model's row, by the heading of its group and its place there."""
    headings = [group.heading.text if group.heading else "" for group in table.groups]
    return row_of(table, model).cells[headings.index(heading)][place]
