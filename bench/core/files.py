"""Write files that no reader sees half-written: each is made under another name and renamed."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; what is written there becomes `path` on success.

    The rename is atomic, so a reader, or a process killed at any moment, finds the old file or the new.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """Return a name that a file can have, and that cannot lead out of its folder."""
    return re.sub(r"[^\w.+-]", "_", name)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
