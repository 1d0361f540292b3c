"""Write files that no reader sees half-written, and read files of strangers without hanging."""

import csv
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from .errors import UserError


class Keeper(Protocol):
    """Keeps copies of the files of a folder elsewhere. Errors of its methods reach the caller."""

    def finished(self, path: Path) -> None:
        """Keep a file that is complete, before `replacing` returns."""

    def bring(self, path: Path) -> None:
        """Fetch a file that is not in the folder, if it is kept."""


_DEVICES = Path("/dev")
_WATCHED: dict[Path, Keeper] = {}


@contextmanager
def watching(folder: Path, keeper: Keeper) -> Iterator[None]:
    """Let a keeper know of the files of a folder, given as an absolute path, for the time of the block."""
    before = dict(_WATCHED)
    _WATCHED[folder] = keeper
    try:
        yield
    finally:
        _WATCHED.clear()
        _WATCHED.update(before)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; what is written there becomes `path` on success.

    The rename is atomic, so a reader, or a process killed at any moment, finds the old file or the new. Its
    mode follows the umask, whatever writes it.

    Raises:
        OSError: it cannot be written, or is a device or a pipe, which would be gone; it names `path`.
    """
    if path.absolute().parent == _DEVICES:
        raise OSError(errno.EINVAL, "a device, not a file", str(path))
    regular(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(_mode())
        temporary.replace(path)
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(temporary.name):
            raise type(error)(error.errno, error.strerror or str(error), str(path)) from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    completed(path)


@contextmanager
def naming(what: Path | str) -> Iterator[None]:
    """Let an OSError of the block that names no file, as that of a full disk, name what the block writes."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno not in (None, errno.EPIPE):
            raise type(error)(error.errno, error.strerror, str(what)) from error
        raise


def completed(path: Path) -> None:
    """Let the keeper of a file's folder, if there is one, keep the file, which is complete."""
    for keeper in _keepers(path):
        keeper.finished(path.absolute())


def bring(path: Path) -> None:
    """Fetch a file that is kept elsewhere and not here; large files wait until they are needed."""
    if not path.exists():
        for keeper in _keepers(path):
            keeper.bring(path.absolute())


def _keepers(path: Path) -> list[Keeper]:
    return [keeper for folder, keeper in _WATCHED.items() if path.absolute().is_relative_to(folder)]


def lock_on(path: Path) -> FileLock:
    """Return a lock that all who may write in the folder can take; its mode follows the umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, mode=_mode())


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of writing `path`. Call it under a lock that its writers take."""
    for leftover in path.parent.glob(f".{path.name}.*.part"):
        leftover.unlink(missing_ok=True)


def regular(path: Path) -> Path:
    """Return a path; an OSError where it is a folder, a pipe or a device, which might never end."""
    if path.exists() and not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "not a regular file"
        raise OSError(errno.EINVAL, what, str(path))
    return path


def folder_of_results(path: Path) -> Path:
    """Return a path; a UserError where it is a file, and not a folder of results, which need not be there."""
    try:
        is_another = path.exists() and not path.is_dir()
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror}") from None
    if is_another:
        raise UserError(f"{path}: a file, and not a folder of results; `--results DIR` names the folder")
    return path


def content_digest(path: Path) -> str:
    """Return a digest of what is in a file, which is read again where its size or time of change differs."""
    found = path.stat()
    return _content_digest(path, found.st_size, found.st_mtime_ns)


@lru_cache(64)
def _content_digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:20]


def csv_rows(file: Path) -> tuple[list[str], dict[int, list[str]]]:
    """Return the heading of a comma-separated file, and its rows by the line on which each ends.

    Spaces around cells are removed, and blank rows are left out.

    Raises:
        UserError: The file cannot be read, has two columns of one name, or a row that has more or fewer
            fields than the heading.
    """
    try:
        with regular(file).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{file}: cannot be read as a CSV file in UTF-8: {error}") from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read as a CSV file: {error.strerror}") from error
    if not lines:
        raise UserError(f"{file}: cannot be read as a CSV file: it is empty")
    (_, heading), *rows = [line for line in lines if any(line[1])] or lines[:1]
    for number, row in rows:
        if len(row) != len(heading):
            raise UserError(
                f"{file}, line {number}: {len(row)} fields under a heading of {len(heading)}; write numbers "
                "with a decimal point, and put quotes round a text with a comma"
            )
    repeated = [name for name in heading if name and heading.count(name) > 1]
    if repeated:
        raise UserError(f"{file}: two columns {repeated[0]!r}; keep one")
    return heading, dict(rows)


def safe_name(name: str) -> str:
    """Return a name that a file can have, and that cannot lead out of its folder."""
    safe = re.sub(r"[^\w.+-]", "_", name)
    return safe if safe.strip(".") else "_" * max(1, len(safe))


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _mode() -> int:
    """Return the mode that the umask gives to a new file."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask
