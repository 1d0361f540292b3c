"""Checksums that tell a damaged file from a sound one, wherever a printed number depends on the file."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import regular, replacing

CHECKSUM = "checksum"  # key of a JSON document that holds the checksum of its other keys
_SIZE = 16  # bytes
_SEAL = b"iqabench"  # before the checksum at the end of a file


class Damaged(ValueError):
    """A file is not as it was written."""


def checksum(*parts: Any) -> str:
    """Return the BLAKE2b checksum of bytes, or of what has a buffer, one part after the other."""
    running = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        running.update(part)
    return running.hexdigest()


def with_checksum(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON document with the checksum of its content."""
    return {**document, CHECKSUM: checksum(_canonical(document))}


def without_checksum(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON document without its checksum, if it has one; raises `Damaged` if that does not fit."""
    content = {key: value for key, value in document.items() if key != CHECKSUM}
    if CHECKSUM in document and document[CHECKSUM] != checksum(_canonical(content)):
        raise Damaged("its checksum does not fit its content")
    return content


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file that ends with the checksum of its content, all of it or nothing."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.write(_SEAL + bytes.fromhex(checksum(content)))


def read_sealed(path: Path) -> bytes:
    """Return the content of a file that `write_sealed` wrote.

    Raises:
        Damaged: the checksum does not fit the content, or is missing.
        OSError: there is no such file, or it cannot be read.
    """
    stored = regular(path).read_bytes()
    content, seal = stored[: -_SIZE - len(_SEAL)], stored[-_SIZE - len(_SEAL) :]
    if not seal.startswith(_SEAL):
        raise Damaged("has no checksum at its end")
    if seal[len(_SEAL) :].hex() != checksum(content):
        raise Damaged("its checksum does not fit its content")
    return content


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
