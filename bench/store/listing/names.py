"""The names that reports have for stored cells, and which of several cells of one name was named last.

A configuration names a variant by how it differs from the model's own table. Where that table changes, the
same scores are those of another variant; and where it is changed back, a sweep finds the cells of an
abandoned configuration to be newer than its own.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ..cell import Cell, of_the_model
from ..cell_file import METADATA, read_cell
from ..sealed_parquet import read_unthreaded, write_sealed_table

_NAMING = ("variant", "regime", "seed", "attack", "epsilon", "knowledge", "limit")
_MOMENT = datetime.timedelta(microseconds=1)


class Named(NamedTuple):
    """The facts of a stored cell that decide what a report shows of it."""

    key: str
    variant: str
    name: tuple[Any, ...]  # of its condition: cells that agree in it stand for one number of a report
    date: str  # when it was computed, or took its name

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> "Named":
        """Return the facts of a cell."""
        fields, context = provenance["cell"], provenance["context"]
        name = tuple(fields.get(field) for field in _NAMING)
        return cls(
            provenance["key"],
            str(fields.get("variant", "")),
            name,
            context.get("named") or context.get("created") or "",
        )


def name_anew(path: Path, cell: Cell, dates: Iterable[str] = ()) -> bool:
    """Give a stored cell the variant of `cell`, and today's date to its name; False if it is damaged.

    The date is later than `dates`, those of others of its name, also where a clock has been set back since.
    """
    try:
        provenance = read_cell(path).provenance
    except ValueError:
        return False
    provenance["cell"]["variant"] = cell.variant
    provenance["context"]["named"] = _later_than(dates).isoformat()
    write_cell(read_unthreaded(path), provenance, path)
    return True


def _later_than(dates: Iterable[str]) -> datetime.datetime:
    now = datetime.datetime.now(datetime.UTC)
    for date in dates:
        with suppress(ValueError, OverflowError):  # of a file that something else wrote
            now = max(now, datetime.datetime.fromisoformat(date).astimezone(datetime.UTC) + _MOMENT)
    return now


def of_the_same_model(path: Path, cell: Cell) -> bool:
    """Return whether a stored cell is of the model of `cell`, on the same images."""
    try:
        fields = read_cell(path).provenance["cell"]
    except ValueError:
        return False
    return of_the_model(fields) == of_the_model(json.loads(json.dumps(asdict(cell))))


def write_cell(table: pa.Table, provenance: Mapping[str, Any], path: Path) -> None:
    """Write a cell's file, all of it or nothing."""
    write_sealed_table(table.replace_schema_metadata({METADATA: json.dumps(provenance)}), path)
