"""Finds things in the tables of a report."""

from pathlib import Path

from iqabench.bench.store.results import Results
from iqabench.reports.paper.selection import Content, select
from iqabench.reports.paper.table import Block, Cell, Row, Table
from iqabench.reports.paper.tables import build_tables


def tables_of(results: Results, root: Path | None = None) -> dict[str, Table]:
    """Return the tables by number."""
    content = Content(results.frame, select(results), root, results.static)
    return {table.number: table for table in build_tables(content)}


def row_of(table: Table | Block, name: str) -> Row:
    """Return the only row of a name."""
    (row,) = (row for row in table.rows if row.name.text == name)
    return row


def cell_of(table: Table, model: str, heading: str, place: int = 0) -> Cell:
    """Return a cell of a model's row, by the heading of its group and its place there."""
    headings = [group.heading.text if group.heading else "" for group in table.groups]
    return row_of(table, model).cells[headings.index(heading)][place]
