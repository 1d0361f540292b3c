"""The store: one Parquet file per cell, holding raw per-image scores and where they came from.

A folder that several processes and machines may write into: a cell's file name holds its key, it is
written beside its place and renamed into it, and two writers of one key write the same scores.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .cells import Cell
from .files import replacing, safe_name

FORMAT = 1
COLUMNS = ("image", "scene", "distortion", "quality", "score")
_METADATA = b"iqabench"


@dataclass(frozen=True)
class StoredCell:
    """A cell that has been computed.

    Attributes:
        path: Its Parquet file.
        provenance: `format`, `key`, `cell` (the fields of `Cell`) and `context` (what does not determine
            the scores but tells how they came about: versions, command, device, time).
    """

    path: Path
    provenance: dict[str, Any]

    def scores(self) -> pd.DataFrame:
        """A row per image: `COLUMNS`, of which `quality` is the label and `score` the prediction."""
        table: pd.DataFrame = pq.ParquetFile(self.path).read().to_pandas()
        return table


class Store:
    """The cells under `root/cells`.

    Attributes:
        unreadable: (file, reason) of the files that the last `cells()` had to pass over.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unreadable: list[tuple[Path, str]] = []

    def path(self, cell: Cell) -> Path:
        """Where a cell's file is, or would be."""
        name = f"{cell.attack}-{cell.epsilon:g}-{cell.key}.parquet"
        return self.root / "cells" / safe_name(cell.dataset) / safe_name(cell.model) / safe_name(name)

    def has(self, cell: Cell) -> bool:
        """Whether the cell has been computed and its file can be read."""
        path = self.path(cell)
        if not path.is_file():
            return False
        try:
            return bool(read_provenance(path)["key"] == cell.key)
        except ValueError:
            return False

    def write(self, cell: Cell, scores: pd.DataFrame, context: dict[str, Any]) -> Path:
        """Store a cell, all of it or nothing.

        Args:
            cell: What determines the scores.
            scores: A row per image with `COLUMNS`.
            context: What else to remember: versions, command, device, time.
        """
        provenance = {"format": FORMAT, "key": cell.key, "cell": asdict(cell), "context": context}
        table = pa.Table.from_pandas(scores[list(COLUMNS)], preserve_index=False)
        table = table.replace_schema_metadata({_METADATA: json.dumps(provenance)})
        path = self.path(cell)
        with replacing(path) as temporary:
            pq.write_table(table, temporary)
        return path

    def cells(self) -> Iterator[StoredCell]:
        """All cells, in the order of their paths; unreadable files are passed over and listed."""
        self.unreadable = []
        for path in sorted((self.root / "cells").rglob("*.parquet")):
            if path.name.startswith("."):
                continue
            try:
                yield StoredCell(path, read_provenance(path))
            except ValueError as error:
                self.unreadable.append((path, str(error)))


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance in a cell file's metadata.

    Raises:
        ValueError: the file is truncated, is no Parquet file or was not written by iqabench, or its
            format is newer than this version knows.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"not a readable Parquet file ({str(error).splitlines()[0]})") from error
    try:
        provenance: dict[str, Any] = json.loads(metadata[_METADATA])
        newer = provenance["format"] > FORMAT
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError("a Parquet file, but not a cell written by iqabench") from error
    if newer:
        raise ValueError(
            f"written in format {provenance['format']} by a newer iqabench; this one knows {FORMAT}"
        )
    return provenance
