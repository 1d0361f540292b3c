"""A record of which local file is a copy of which remote one: a database in the working folder."""

import errno
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

_TABLE = "create table if not exists copies (name text primary key, version text, size integer, time integer)"


class Stamp(NamedTuple):
    """Size, and time of change in nanoseconds, of a local file."""

    size: int
    time: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Read the stamp of a file."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


class Copy(NamedTuple):
    """A remote file's version, and the stamp of the local file that has its content."""

    version: str
    stamp: Stamp


class Record:
    """The copies that are known, in a database that processes share; a lost one costs downloads only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, Copy]:
        """Return every copy by its name; none if the database is damaged, which begins anew."""
        try:
            with closing(self._open()) as database:
                rows = database.execute("select name, version, size, time from copies").fetchall()
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            return {}
        return {name: Copy(version, Stamp(size, time)) for name, version, size, time in rows}

    def add(self, copies: Mapping[str, Copy]) -> None:
        """Note copies, in place of what was noted under their names."""
        rows = [(name, copy.version, *copy.stamp) for name, copy in copies.items()]
        self._change("insert or replace into copies values (?, ?, ?, ?)", rows)

    def remove(self, names: Iterable[str]) -> None:
        """Forget copies."""
        self._change("delete from copies where name = ?", [(name,) for name in names])

    def _change(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Run a statement for each row; in a new database if the one that is there is damaged."""
        try:
            self._run(statement, rows)
        except sqlite3.DatabaseError:
            try:
                self._path.unlink(missing_ok=True)
                self._run(statement, rows)
            except sqlite3.DatabaseError as error:
                raise OSError(errno.EIO, str(error), str(self._path)) from error

    def _run(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with closing(self._open()) as database, database:
            database.executemany(statement, rows)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=60)
        database.execute(_TABLE)
        return database
