"""Reads any images with scores: a CSV file lies beside them."""

import math
import posixpath
from pathlib import Path

import pandas as pd

from ...core.errors import UserError
from ..base import DatasetAdapter
from ..checks import rating_columns
from .tables import numbers, read_csv


class CsvTable(DatasetAdapter):
    """A CSV file with the columns `path,score[,scene,distortion,split]`, paths relative to its folder.

    Without a scene an image is its own scene. State scenes where several images show one, or models will be
    tested on scenes that they were trained on.
    """

    def __init__(
        self, root: str, low: float | None = None, high: float | None = None, lower_is_better: bool = False
    ) -> None:
        """Say where the table is, and what its scores mean.

        Args:
            root: Path of the CSV file.
            low: Lowest score there can be. Default: the lowest in the file, since a file does not say its
                scale. State it if files of one scale are to be compared by mean squared error.
            high: Highest score there can be. Default: the highest in the file.
            lower_is_better: Whether a high score means low quality.
        """
        super().__init__(
            root, -math.inf if low is None else low, math.inf if high is None else high, lower_is_better
        )
        self.file = self.root
        self.root = self.file.parent

    def read(self) -> pd.DataFrame:
        """Return the table of the file.

        Raises:
            UserError: There is no such file, it lacks a column, has an absolute path, or leaves the bounds
                open although all its scores are equal.
        """
        if not self.file.is_file():
            raise UserError(f"no such file: root = {self.file}; it should be a CSV with columns path,score")
        rows = read_csv(self.file, ["path", "score"])
        paths = rows["path"].map(_posix)
        absolute = paths[paths.map(lambda path: Path(path).is_absolute())]
        if not absolute.empty:
            raise UserError(
                f"{self.file}: {absolute.iloc[0]} is absolute; paths must be relative to {self.root}"
            )
        scores = numbers(rows["score"])
        self._close_bounds(scores[scores.abs() < math.inf])
        scenes, kinds = rows.get("scene", paths), rows.get("distortion", "unknown")
        scenes = scenes.where(scenes != "", paths)
        table = pd.DataFrame({"path": paths, "score": scores, "scene": scenes, "distortion": kinds})
        if "reference" in rows:
            table["reference"] = rows["reference"].map(_posix)
        for name in ["split", *rating_columns(rows)]:
            if name in rows:
                table[name] = rows[name]
        return table

    def _close_bounds(self, scores: pd.Series) -> None:
        if scores.empty:
            return
        if math.isinf(self.low):
            self.low = float(scores.min())
        if math.isinf(self.high):
            self.high = float(scores.max())
        if not (self.low < self.high and self.high - self.low < math.inf):
            raise UserError(
                f"{self.file}: scores from {scores.min():g} to {scores.max():g} give no scale from "
                f"{self.low:g} to {self.high:g}; state both `low` and `high` in the dataset's table"
            )


def _posix(path: str) -> str:
    """Return the one name of a path, however it is written: ./a/../b.png is b.png."""
    return posixpath.normpath(path.replace("\\", "/"))
