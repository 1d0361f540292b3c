"""The names that reports have for stored cells, and which of several cells of one name was named last.

A configuration names a variant by how it differs from the model's own table. Where that table changes, the
same scores are those of another variant; and where it is changed back, a sweep finds the cells of an
abandoned configuration to be newer than its own.
"""

import datetime
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ..cell import OF_THE_ATTACK, Cell, key_of
from ..cell_file import METADATA, read_cell
from ..sealed_parquet import read_unthreaded, write_sealed_table

_MOMENT = datetime.timedelta(microseconds=1)
_NAMING = ("variant", "regime", "seed", "attack", "epsilon", "knowledge", "limit")


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


class Neighbours:
    """The files of a folder of cells, by attack and epsilon."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, list[Path]] = defaultdict(list)
        for path in folder.glob("*.parquet"):
            self._files[path.name.rpartition("-")[0]].append(path)

    def of(self, path: Path) -> list[Path]:
        """Return the other cells of the same attack and epsilon."""
        return [other for other in self._files[path.name.rpartition("-")[0]] if other != path]


def name_anew(path: Path, cell: Cell, dates: Iterable[str] = ()) -> bool:
    """Give a stored cell the variant of `cell`, and today's date to its name; return whether that was done.

    The date is later than `dates`, those of others of its name, also where a clock has been set back since.

    It is not where the name is part of the key, as in cells of the first versions, nor in a damaged file.
    """
    try:
        provenance = read_cell(path).provenance
    except ValueError:
        return False
    provenance["cell"]["variant"] = cell.variant
    if key_of(provenance["cell"]) != provenance["key"]:
        return False
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
    return _of_model(fields) == _of_model(json.loads(json.dumps(asdict(cell))))


def write_cell(table: pa.Table, provenance: Mapping[str, Any], path: Path) -> None:
    """Write a cell's file, all of it or nothing."""
    write_sealed_table(table.replace_schema_metadata({METADATA: json.dumps(provenance)}), path)


def _of_model(fields: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {*OF_THE_ATTACK, "variant"}
    return {name: value for name, value in fields.items() if name not in left_out and value is not None}
