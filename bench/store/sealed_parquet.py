"""Parquet files with a checksum of all their bytes, kept in their own metadata.

The page checksums of Parquet leave out the footer, where the metadata are. Here the checksum is taken of the
file as it is with zeros in place of the checksum, so that no bit of the file is without.
"""

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.files import regular, replacing
from ..core.integrity import Damaged, checksum

_KEY = b"iqabench.checksum"
_ZEROS = b"0" * len(checksum())
# What Thrift's compact protocol, in which Parquet writes its metadata, has between a key and its value.
_BEFORE = _KEY + b"\x18" + bytes([len(_ZEROS)])


def write_sealed_table(table: pa.Table, path: Path) -> None:
    """Write a table with its metadata and a checksum, all of it or nothing."""
    stream = pa.BufferOutputStream()
    metadata = {**(table.schema.metadata or {}), _KEY: _ZEROS}
    pq.write_table(table.replace_schema_metadata(metadata), stream)
    content = bytearray(stream.getvalue().to_pybytes())
    start = content.rindex(_BEFORE + _ZEROS) + len(_BEFORE)
    content[start : start + len(_ZEROS)] = checksum(content).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_sealed_table(path: Path) -> pa.Table:
    """Return the table of a file that `write_sealed_table` wrote.

    Raises:
        Damaged: the file has no checksum, or one that does not fit its content.
        OSError, ArrowException: it cannot be read.
    """
    content = regular(path).read_bytes()
    verify(content)
    return read_unthreaded(pa.BufferReader(content))


def read_unthreaded(source: Path | pa.BufferReader, columns: list[str] | None = None) -> pa.Table:
    """Return the table of a Parquet file, or some of its columns, without a thread of Arrow's.

    `pq.read_table` starts threads, and a process that ends while they do is aborted with exit status 134
    (https://github.com/apache/arrow/issues/39862).

    Raises:
        OSError, ArrowException: it cannot be read.
    """
    with pq.ParquetFile(source) as file:
        return file.read(columns, use_threads=False)


def read_kept_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the table of a file that may be lost; one without rows where it cannot be used.

    A file with other columns than the schema, or without the schema's metadata, is of another version.
    """
    with suppress(pa.ArrowException, OSError, Damaged):
        table = read_sealed_table(path)
        metadata = (table.schema.metadata or {}).items()
        if table.schema.equals(schema) and schema.metadata.items() <= metadata:
            return table.replace_schema_metadata(schema.metadata)
    return schema.empty_table()


def verify(content: bytes) -> None:
    """Verify a Parquet file's content; raises `Damaged` where its checksum is missing or does not fit."""
    start = content.rfind(_BEFORE) + len(_BEFORE)
    end = start + len(_ZEROS)
    if start < len(_BEFORE):
        raise Damaged("it has no checksum")
    if content[start:end] != checksum(content[:start], _ZEROS, content[end:]).encode():
        raise Damaged("its checksum does not fit its content")
