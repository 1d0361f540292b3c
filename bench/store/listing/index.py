"""The index of a large store: what each cell's file said when it was last read and verified.

A file is taken from the index while its size, times and inode are what they were; every other file is read
and verified. The index has a checksum, and a random sample of it is compared with the files each time. One
that is damaged, wrong, from another version or cannot be written is as good as none.
"""

import os
import random
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
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
Index = dict[str, tuple[Stamp, StoredCell]]  # by the file's path in the store; its stamp when it was read


def list_cells(root: Path, paths: Sequence[str], unreadable: list[tuple[Path, str]]) -> Iterator[StoredCell]:
    """Yield the cells of a store's files that can be read; (file, reason) of the others is noted."""
    large = len(paths) > INDEXED_FROM
    known = read_index(root) if large else {}
    index: Index = {}
    read = 0
    for path in paths:
        name, now, stamp = path.removeprefix(f"{root}{os.sep}"), time.time_ns(), stamp_of(path)
        entry = known.get(name)
        if entry is not None and entry[0] == stamp:
            index[name] = entry
            yield entry[1]
            continue
        try:
            cell = read_cell(Path(path))
        except ValueError as error:
            unreadable.append((Path(path), str(error)))
            continue
        read += 1
        if large and stamp and is_settled(stamp, now):
            index[name] = stamp, cell
        yield cell
    if index and read > _WORTH_WRITING * len(paths):
        with suppress(OSError):
            write_sealed_table(_table(index), _file(root))


def read_index(root: Path) -> Index:
    """Return the index of a store, unless the files of a sample say otherwise."""
    known = _load(root)
    for name in random.SystemRandom().sample(list(known), min(SAMPLE, len(known))):
        stamp, cell = known[name]
        if stamp_of(cell.path) == stamp:
            try:
                said = read_cell(cell.path)
            except ValueError:
                return {}
            if said != cell:
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


def _file(root: Path) -> Path:
    return root / "cache" / "cells.index"


def _load(root: Path) -> Index:
    table = read_kept_table(_file(root), _SCHEMA)
    names, *stamps, keys, contents, told = (column.to_pylist() for column in table.columns)
    rows = zip(names, zip(*stamps, strict=True), keys, contents, told, strict=True)
    return {name: (stamp, StoredCell(root / name, *of_file)) for name, stamp, *of_file in rows}


def _table(index: Index) -> pa.Table:
    rows = [(name, *stamp, cell.key, cell.content, cell.told) for name, (stamp, cell) in index.items()]
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA
    )
