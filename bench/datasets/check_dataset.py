"""Rehearses what a sweep does with a dataset adapter, so that a fault shows at once, with its line."""

from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from ..core.errors import UserError, blaming_line
from .base import COLUMNS, DatasetAdapter, quality
from .checks import find_problems, rating_columns
from .decoding import Undecodable, decode_rgb
from .splits import SIDES, split_by_scene
from .wording import message

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
            f"{name}: the scale from {source.low:g} to {source.high:g} is none; `low` is below `high`"
        )
    problems = find_problems(table, source)
    if problems:
        raise UserError(f"{name}: {message(problems[0], most=1)}")
    quality(table["score"].to_numpy(), source.low, source.high, source.lower_is_better)
    _check_split(name, table)
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
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"{name}: read() returns a {type(table).__name__}, not a pandas.DataFrame")
    absent = [column for column in COLUMNS if column not in table]
    if absent:
        raise UserError(f"{name}: read() returns no column {absent[0]!r}")
    for column in ["score", *rating_columns(table)]:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise UserError(
                f"{name}: the column {column!r} of read() holds {table[column].dtype}, not numbers"
            )
    for column in ("path", "scene", "distortion"):
        other = next((value for value in table[column] if not isinstance(value, str)), None)
        if other is not None:
            raise UserError(f"{name}: the column {column!r} of read() holds {other!r}, which is not a text")
    for path in table["path"]:
        if PurePosixPath(path).is_absolute() or "\\" in path or ".." in PurePosixPath(path).parts:
            raise UserError(f"{name}: the path {path!r} is not relative to `root` with / between folders")
    return table.sort_values("path", kind="stable", ignore_index=True)


def _check_split(name: str, table: pd.DataFrame) -> None:
    if "split" not in table:
        split_by_scene(table, 0)
        return
    strange = table.loc[~table["split"].isin(SIDES), "split"]
    if len(strange):
        raise UserError(
            f"{name}: the column 'split' holds {strange.iloc[0]!r}; accepted are {' and '.join(SIDES)}"
        )
    both = table.groupby("scene")["split"].nunique()
    if (both > 1).any():
        raise UserError(f"{name}: scene {both.index[both > 1][0]!r} is in both training and test")
