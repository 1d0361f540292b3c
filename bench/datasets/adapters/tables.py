"""Label files as their owners write them: CSV tables and MATLAB arrays, with errors for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...core.errors import UserError

IMAGE_SUFFIXES = {".bmp", ".jpg", ".jpeg", ".png"}


def read_csv(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A comma-separated file with a header, every cell as it is written, an empty cell as "".

    Raises:
        UserError: the file cannot be read, or lacks one of the columns.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise UserError(f"{file}: cannot be read as a CSV file in UTF-8: {error}") from error
    table.columns = table.columns.str.strip()
    for column in columns:
        if column not in table:
            raise UserError(f"{file}: no column {column!r}; its columns are {', '.join(table.columns)}")
    return table


def numbers(cells: pd.Series) -> pd.Series:
    """Cells as floats; NaN where a cell is empty or not a number."""
    return pd.to_numeric(cells, errors="coerce").astype(np.float64)


def read_vector(file: Path, variable: str) -> npt.NDArray[Any]:
    """A MATLAB vector or cell array of strings, flat: (N,) numbers or str.

    Raises:
        UserError: the file cannot be read, or has no such variable.
    """
    from scipy.io import loadmat

    try:
        contents = loadmat(file, squeeze_me=True)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise UserError(f"{file}: cannot be read as a MATLAB file: {error}") from error
    if variable not in contents:
        found = ", ".join(name for name in contents if not name.startswith("__"))
        raise UserError(f"{file}: no variable {variable!r}; its variables are {found or 'none'}")
    return np.ravel(contents[variable])


def check_lengths(expected: int, lengths: dict[str, int], *, why: str) -> None:
    """Label arrays that belong together must all have the expected length.

    Args:
        expected: The length.
        lengths: What was found, by file and variable.
        why: Where the expected length comes from.

    Raises:
        UserError: naming every array and its length.
    """
    if set(lengths.values()) != {expected}:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise UserError(
            f"label arrays do not have the {expected} entries of {why}: {found}; use the owner's files"
        )


def images_in(folder: Path) -> list[str]:
    """Names of the image files directly in a folder, sorted."""
    return sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def with_unlabelled(table: pd.DataFrame, root: Path, folder: str) -> pd.DataFrame:
    """The table, and a row without a score for every image in the folder that it leaves out.

    So an image whose label was lost is found by the same check as one whose label is empty.
    """
    listed = set(table["path"])
    paths = [path for name in images_in(root / folder) if (path := f"{folder}/{name}") not in listed]
    unlabelled = pd.DataFrame({"path": paths, "score": np.nan, "scene": paths, "distortion": "unknown"})
    return pd.concat([table, unlabelled], ignore_index=True) if paths else table
