"""Rehearses what a sweep does with a dataset adapter, so that a fault shows at once, with its line."""

from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from ..core.errors import UserError, blaming_line
from .base import DatasetAdapter, checked_table
from .checks import find_problems, rating_columns
from .decoding import Undecodable, decode_rgb
from .splits import check_sides, split_by_scene

DECODED = 16  # images, spread over the table


def check_dataset(factory: Callable[[], DatasetAdapter]) -> None:
    """Check that a dataset adapter keeps to the contract of `iqabench.DatasetAdapter`.

    Its table is read twice and checked, all images are looked for, and some are decoded.

    Args:
        factory: Builds the adapter, as `lambda: Mine(root="data/mine")`; the database must be there.

    Raises:
        UserError: the first fault found; where an operation failed, with the adapter's file and line.
    """
    with blaming_line("the dataset cannot be built"):
        source = factory()
    if not isinstance(source, DatasetAdapter):
        raise UserError(f"a {type(source).__name__} is not an iqabench.DatasetAdapter")
    name = type(source).__name__
    table = _read(source, name)
    if not (np.isfinite([source.low, source.high]).all() and source.low < source.high):
        raise UserError(
            f"{name}: the scale from {source.low:g} to {source.high:g} cannot be used: `low` and `high` are "
            "finite, and `low` is below `high`"
        )
    problems = find_problems(table, source)
    if problems:
        raise UserError(f"{name}: {problems[0].in_words(most=1)}")
    if "split" in table:
        check_sides(table, table["split"], source=f"{name}: the column 'split' of read()")
    else:
        split_by_scene(table, 0)
    for place in np.linspace(0, len(table) - 1, min(DECODED, len(table))).round().astype(int):
        file = source.root / table["path"].iloc[place]
        try:
            decode_rgb(file)
        except Undecodable as error:
            raise UserError(f"{name}: {file}: cannot be decoded: {error}") from error
    with blaming_line(f"{name} cannot be built again"):
        again = _read(factory(), name)
    if not table.equals(again):
        raise UserError(f"{name}: read() returns another table the second time")


def _read(source: DatasetAdapter, name: str) -> pd.DataFrame:
    with blaming_line(f"{name}: read() fails"):
        table = source.read()
    table = checked_table(table, name)
    for column in ["score", *rating_columns(table)]:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise UserError(
                f"{name}: the column {column!r} of read() holds {table[column].dtype}, not numbers"
            )
    for path in table["path"]:
        if PurePosixPath(path).is_absolute() or "\\" in path or ".." in PurePosixPath(path).parts:
            raise UserError(f"{name}: the path {path!r} is not relative to `root` with / between folders")
    return table.sort_values("path", kind="stable", ignore_index=True)
