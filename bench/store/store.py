"""The store: one Parquet file per cell, holding raw per-image scores and where they came from.

A folder that several processes and machines may write into: a cell's file name holds its key, it is
written beside its place and renamed into it, and two writers of one key write the same scores.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ..core.files import safe_name
from .cell import Cell
from .cell_file import COLUMNS, FORMAT, FURTHER_COLUMNS, StoredCell, read_cell
from .listing.index import Stamp, is_settled, list_cells, read_index, stamp_of
from .listing.names import Named, name_anew, of_the_same_model, write_cell


class Store:
    """The cells under `root/cells`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unreadable: list[tuple[Path, str]] = []  # (file, reason) of those that `cells()` passed over
        self.damaged: dict[Path, str] = {}  # reason by file of those that `has()` found and could not use
        self._verified: dict[Path, tuple[Stamp, Named]] | None = None
        self._dates: dict[Path, dict[tuple[Any, ...], str]] = {}

    def path(self, cell: Cell) -> Path:
        """Return the path of a cell's file, whether it is there or not."""
        name = f"{cell.attack}-{cell.epsilon:g}-{cell.key}.parquet"
        return self.root / "cells" / safe_name(cell.dataset) / safe_name(cell.model) / safe_name(name)

    def has(self, cell: Cell) -> bool:
        """Return whether the cell has been computed and its file can be read."""
        named = self._named(self.path(cell))
        return named is not None and named.key == cell.key

    def name(self, cells: Sequence[Cell]) -> int:
        """See that reports have stored cells of one model under their names, and before others of that name.

        Where a cell has the name of another variant, all cells of its model on its images take the new one.

        Returns:
            The number of cells that were named anew.
        """
        paths = {self.path(cell): cell for cell in cells}
        found = {path: named for path in paths if (named := self._named(path))}
        anew = {path: paths[path] for path, named in found.items() if named.variant != paths[path].variant}
        if anew:
            cell = next(iter(anew.values()))
            stored = self.path(cell).parent.glob("*.parquet")
            others = (path for path in stored if of_the_same_model(path, cell))
            anew |= {path: cell for path in others if path not in found}
        for path, named in found.items():
            if self._latest(path).get(named.name, "") > named.date:
                anew[path] = paths[path]
        return sum(name_anew(path, cell, self._latest(path).values()) for path, cell in anew.items())

    def _latest(self, path: Path) -> dict[tuple[Any, ...], str]:
        """Return the latest date of each name among the cells of the same attack and epsilon, read once."""
        start = path.with_name(path.name.rpartition("-")[0])
        if start not in self._dates:
            cells = filter(None, map(self._named, start.parent.glob(f"{start.name}-*.parquet")))
            self._dates[start] = {cell.name: cell.date for cell in sorted(cells, key=lambda cell: cell.date)}
        return self._dates[start]

    def _named(self, path: Path) -> Named | None:
        """Return what a cell's file says of itself; None if it is not there or cannot be used."""
        now, stamp = time.time_ns(), stamp_of(path)
        if stamp is None:
            return None
        if self._verified is None:
            known = read_index(self.root).values()
            self._verified = {cell.path: (of_file, Named.of(cell.provenance)) for of_file, cell in known}
        if (entry := self._verified.get(path)) and entry[0] == stamp:
            return entry[1]
        try:
            named = Named.of(read_cell(path).provenance)
        except ValueError as error:
            self.damaged[path] = str(error)
            return None
        if is_settled(stamp, now):
            self._verified[path] = stamp, named
        return named

    def write(
        self,
        cell: Cell,
        scores: pd.DataFrame,
        context: dict[str, Any],
        diagnostics: Mapping[str, Any] | None = None,
    ) -> Path:
        """Store a cell, all of it or nothing.

        Scores have a row per image with `COLUMNS`, and those of `FURTHER_COLUMNS` that the attack gives. The
        context is what else to remember: versions, command, device, time. Diagnostics are what the attack
        tells of its search, as JSON can hold it: the largest distance from the image, zero and non-finite
        gradients, passes, draws.
        """
        provenance = {"format": FORMAT, "key": cell.key, "cell": asdict(cell), "context": context}
        if diagnostics:
            provenance["diagnostics"] = dict(diagnostics)
        columns = [*COLUMNS, *(name for name in FURTHER_COLUMNS if name in scores)]
        table = pa.Table.from_pandas(scores[columns], preserve_index=False)
        path = self.path(cell)
        write_cell(table, provenance, path)
        return path

    def cells(self) -> Iterator[StoredCell]:
        """Yield all cells in the order of their paths; what cannot be read is listed in `unreadable`."""
        self.unreadable = []
        paths = sorted(self._files(), key=lambda path: path.split(os.sep))
        yield from list_cells(self.root, paths, self.unreadable)

    def _files(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.root / "cells", onerror=self._note_folder):
            for name in names:
                if name.endswith(".parquet") and not name.startswith("."):
                    yield os.path.join(folder, name)

    def _note_folder(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self.unreadable.append((Path(error.filename), f"cannot be opened: {error.strerror}"))
