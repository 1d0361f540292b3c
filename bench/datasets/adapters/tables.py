"""Label files as their owners write them: CSV tables, lists of images, with errors for people."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import UserError
from ...core.files import csv_rows

_OTHER_MARKS = (";", "\t")  # by which spreadsheets separate columns instead
IMAGE_SUFFIXES = {".bmp", ".jpg", ".jpeg", ".png"}


def read_csv(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a comma-separated file with a heading: every cell as text, without the spaces around it.

    Blank rows are left out.

    Raises:
        UserError: The file cannot be read, lacks one of the columns, has two of one name, or has a row with
            more or fewer fields than the heading.
    """
    heading, rows = csv_rows(file)
    for column in columns:
        if column not in heading:
            other = next((mark for mark in _OTHER_MARKS if len(heading) == 1 and mark in heading[0]), None)
            between = f"; commas separate columns here, not {other!r}" if other else ""
            raise UserError(f"{file}: no column {column!r}; its columns are {', '.join(heading)}{between}")
    return pd.DataFrame(list(rows.values()), columns=heading, dtype=str)


def numbers(cells: pd.Series) -> pd.Series:
    """Return cells as floats; NaN where a cell is empty or not a number."""
    return pd.to_numeric(cells, errors="coerce").astype(np.float64)


def images_in(folder: Path) -> list[str]:
    """Return the names of the image files directly in a folder, sorted."""
    return sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def with_unlabelled(table: pd.DataFrame, root: Path, folder: str) -> pd.DataFrame:
    """Return the table with a row without a score for every image in the folder that it leaves out.

    So an image whose label was lost is found by the same check as one whose label is empty.
    """
    listed = set(table["path"])
    paths = [path for name in images_in(root / folder) if (path := f"{folder}/{name}") not in listed]
    unlabelled = pd.DataFrame({"path": paths, "score": np.nan, "scene": paths, "distortion": "unknown"})
    return pd.concat([table, unlabelled], ignore_index=True) if paths else table
