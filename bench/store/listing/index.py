"""The index of a large store: what each cell's file said when it was last read and verified.

A file is taken from the index while its size, times and inode are what they were; every other file is read
and verified. The index has a checksum, and a random sample of it is compared with the files each time. One
that is damaged, wrong, from another version or cannot be written is as good as none.
"""

import os
import random
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ...core.version import __version__
from ..cell_file import FORMAT, StoredCell, read_cell
from ..sealed_parquet import read_kept_table, write_sealed_table

INDEXED_FROM = 1000  # cells above which a store has an index; every file of a smaller one is read each time

SAMPLE = 500
"""Cells of a large store that are compared with their files each time it is read, drawn at random."""

_WORTH_WRITING = 0.02  # part of the cells that had to be read
_UNSETTLED = 2 * 10**9  # nanoseconds in which a file may change twice, and its times once

_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("size", pa.int64()),
        ("modified", pa.int64()),
        ("changed", pa.int64()),
        ("inode", pa.uint64()),
        ("key", pa.string()),
        ("content", pa.string()),
        ("told", pa.binary()),
    ],
    metadata={"written by": f"iqabench {__version__}, format {FORMAT}"},
)

Stamp = tuple[int, int, int, int]  # a file's size, times of change of its content and of anything, and inode


@dataclass(frozen=True, slots=True)
class Entry:
    """The facts of a cell's file, and its stamp when it was read; the rest as in `StoredCell`."""

    stamp: Stamp
    key: str
    content: str
    told: bytes


class Listing:
    """The readable cells of a store's files, in order; (file, reason) of the others is in `unreadable`."""

    def __init__(self, root: Path, paths: Sequence[str]) -> None:
        self.unreadable: list[tuple[Path, str]] = []
        self._root = root
        self._paths = paths
        self._file = root / "cache" / "cells.index"

    def cells(self) -> Iterator[StoredCell]:
        """Yield the cells that can be read."""
        if len(self._paths) <= INDEXED_FROM:
            yield from (cell for path in self._paths if (cell := self._read(Path(path))))
            return
        known = self.known()
        entries: dict[str, Entry] = {}
        read = 0
        for path in self._paths:
            name, now, stamp = path.removeprefix(f"{self._root}{os.sep}"), time.time_ns(), stamp_of(path)
            entry = known.get(name)
            if entry is not None and entry.stamp == stamp:
                entries[name] = entry
                yield StoredCell(Path(path), entry.key, entry.content, entry.told)
            elif cell := self._read(Path(path)):
                read += 1
                if stamp and is_settled(stamp, now):
                    entries[name] = Entry(stamp, cell.key, cell.content, cell.told)
                yield cell
        if entries and read > _WORTH_WRITING * len(self._paths):
            with suppress(OSError):
                write_sealed_table(_table(entries), self._file)

    def _read(self, path: Path) -> StoredCell | None:
        try:
            return read_cell(path)
        except ValueError as error:
            self.unreadable.append((path, str(error)))
            return None

    def known(self) -> Mapping[str, Entry]:
        """Return the index, by paths in the store, unless the files of a sample say otherwise."""
        known = _load(self._file)
        for name in random.SystemRandom().sample(list(known), min(SAMPLE, len(known))):
            path, entry = self._root / name, known[name]
            if stamp_of(path) != entry.stamp:
                continue
            try:
                cell = read_cell(path)
            except ValueError:
                return {}
            if (cell.key, cell.content, cell.told) != (entry.key, entry.content, entry.told):
                return {}
        return known


def stamp_of(path: str | Path) -> Stamp | None:
    """Return the stamp of a file; None if there is no regular file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def is_settled(stamp: Stamp, now: int) -> bool:
    """Return whether a file that changes after `now`, in nanoseconds, gets another stamp."""
    return max(stamp[1:3]) + _UNSETTLED < now


def _load(file: Path) -> dict[str, Entry]:
    table = read_kept_table(file, _SCHEMA)
    names, *stamps, keys, contents, told = (column.to_pylist() for column in table.columns)
    rows = zip(names, zip(*stamps, strict=True), keys, contents, told, strict=True)
    return {name: Entry(stamp, key, content, text) for name, stamp, key, content, text in rows}


def _table(entries: Mapping[str, Entry]) -> pa.Table:
    rows = [(name, *entry.stamp, entry.key, entry.content, entry.told) for name, entry in entries.items()]
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA
    )
