"""The one type of table that reports are made of. Every format renders it by one template."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Any, Literal

Kind = Literal["number", "state", "absent", "text", "code", "flag"]
"""A number, why there is none, a dash for what was not run, a text, code, or a verdict to heed."""

Order = Literal["text", "ascending", "descending"]
"""Kind of a column's first sorting: by the alphabet, or by number."""


@dataclass(frozen=True)
class Label:
    """A name, and whether it is that of a stand-in for a database; as text it then has a dagger."""

    text: str
    stand_in: bool = False

    def __str__(self) -> str:
        return f"{self.text}†" if self.stand_in else self.text


@dataclass(frozen=True)
class Cell:
    """The content of one cell of a table."""

    text: str  # as it is printed
    kind: Kind = "text"
    lines: tuple[str, ...] = ()  # small print below the text, a slot each; an empty one is left out
    best: bool = False  # whether it is the best of its column
    span: int = 1  # how many columns of its group it fills
    metric: str = ""  # printed name of the metric that a number is of
    keys: tuple[str, ...] = ()  # keys of the store's cells behind it
    # what CSV says of it: rows with `COLUMNS` of `formats/csv.py`, as far as they apply
    records: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Column:
    """A column and the order in which its best values come first."""

    heading: str
    order: Order


@dataclass(frozen=True)
class Group:
    """Columns that belong together, under one heading or none."""

    columns: tuple[Column, ...]
    heading: Label | None = None

    @classmethod
    def of(cls, headings: Iterable[str], order: Order, heading: str = "") -> "Group":
        """Return columns of one order."""
        return cls(tuple(Column(name, order) for name in headings), Label(heading) if heading else None)


@dataclass(frozen=True)
class Row:
    """A name, and the cells of each of the table's groups."""

    name: Label
    cells: tuple[tuple[Cell, ...], ...]

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        """The cells of all groups."""
        return tuple(cell for cells in self.cells for cell in cells)

    @property
    def small_print(self) -> list[list[tuple[int, str]]]:
        """The lines below the row's texts that say anything: (span, text) of each cell."""
        cells = self.all_cells
        lines = zip_longest(*(cell.lines for cell in cells), fillvalue="")
        return [
            [(cell.span, text) for cell, text in zip(cells, line, strict=True)] for line in lines if any(line)
        ]


@dataclass(frozen=True)
class Block:
    """Rows that are compared with each other, under a heading and what they have in common, or neither."""

    rows: tuple[Row, ...]
    heading: Label | None = None
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table."""

    number: str  # as in the paper; `0` before its tables, `A1`, `A2`... after them
    title: str  # what it shows, in a phrase
    caption: str  # how to read it, in sentences
    heading: str  # of the column that names the rows
    groups: tuple[Group, ...]  # the other columns
    blocks: tuple[Block, ...]  # the rows; empty if nothing of the table was run
    advice: str = ""  # how to fill an empty table; else empty
    notes: tuple[str, ...] = ()  # what it does not show, in sentences

    @property
    def slug(self) -> str:
        """Its name in links and files."""
        return f"table{self.number}"

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all blocks."""
        return tuple(row for block in self.blocks for row in block.rows)

    @property
    def starts(self) -> tuple[int, ...]:
        """The place of each group's first column, and of the one after the last; the names' is 0."""
        return tuple(accumulate((len(group.columns) for group in self.groups), initial=1))

    @property
    def has_headings(self) -> bool:
        """True where a group of columns has a heading."""
        return any(group.heading for group in self.groups)


def rows_of(names: Iterable[str], groups: Iterable[Sequence[Sequence[Cell]]]) -> tuple[Row, ...]:
    """Return rows of these names, given the columns of each group, a cell per row each."""
    by_row = [zip(*columns, strict=True) for columns in groups]
    return tuple(Row(Label(name), tuple(cells)) for name, *cells in zip(names, *by_row, strict=True))
