"""A database as a table: a row per image, its quality in [0, 1], its side of the split."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..core import registry
from ..core.errors import UserError, blaming_line, located
from ..core.parameters import complete_parameters
from .adapters.tables import numbers
from .checks import find_problems, rating_columns
from .decoding import LARGEST
from .splits import in_one_spelling, load_or_make_split, with_test_list

COLUMNS = ["path", "score", "scene", "distortion"]


class DatasetAdapter(ABC):
    """A database in the layout its owner gives it.

    The parameters of a subclass's constructor are the keys of its table in `bench.toml`.

    Attributes:
        root: Folder that the paths of the table are relative to. `read` may narrow it to the folder inside
            the one given that turns out to hold the database, so that a path is the same on every machine.
        low: Lowest raw score there can be. A database without a stated scale leaves it open until `read`.
        high: Highest raw score there can be; it may be left open in the same way.
        lower_is_better: Whether a high raw score means low quality, as in a *difference* of opinion scores.
        stand_in: Whether it stands in for a real database, so that its numbers must say so.
        labelled: Whether its images have labels; otherwise every `score` is NaN.
        version: Raised when the code makes or reads other images or labels than before.
    """

    stand_in: ClassVar[bool] = False
    labelled: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def __init__(self, root: str, low: float, high: float, lower_is_better: bool = False) -> None:
        if not low < high:
            raise UserError(f"`low` must be below `high`, found low = {low:g} and high = {high:g}")
        if math.isfinite(low) and math.isfinite(high) and math.isinf(high - low):
            raise UserError(f"a scale from {low:g} to {high:g} is too wide for numbers of 64 bits")
        self.root = Path(root).expanduser().absolute()
        self.low = low
        self.high = high
        self.lower_is_better = lower_is_better

    @abstractmethod
    def read(self) -> pd.DataFrame:
        """Return the table of the database, a row per image, in any order.

        Returns:
            Columns `path` (POSIX, relative to `root`), `score` (raw; NaN where the image has none), `scene`
            (the path itself where the scene is unknown), `distortion`, and `split` (`train` or `test`)
            where the database comes with one, and `reference` (the path of the undistorted image) where there
            are any. Where it tells how many people gave each rating, the columns
            `opinions_1`, `opinions_2`... hold the counts or shares, from the worst rating to the best.

        Raises:
            UserError: The folder is missing, is not the database's, or its label files cannot be read.
        """


@dataclass(frozen=True)
class Dataset:
    """A database that passed its checks."""

    name: str  # what the user calls it
    root: Path  # folder of the images
    # a row per image, sorted by path, indexed from 0: `path` (POSIX, relative to `root`), `score` (raw),
    # `quality` (in [0, 1], higher is better; NaN without labels), `scene`, `distortion`, `split`;
    # `opinions_1`..., the share of each rating from the worst to the best, and `reference`, the path of the
    # undistorted image, where the database has them
    table: pd.DataFrame
    low: float  # raw score that bounds the scale from below
    high: float  # raw score that bounds it from above
    lower_is_better: bool  # whether a high raw score means low quality
    split_seed: int  # seed the split is drawn from, unless a saved file fixes it; 0 where the database does
    stand_in: bool = False  # whether it stands in for a real database
    version: int = 1  # version of the adapter's code
    largest_image: int = LARGEST  # most pixels that an image may have

    @property
    def labelled(self) -> bool:
        """Whether its images have labels: all of them, or none."""
        return bool(self.table["quality"].notna().all())

    @property
    def rating_distributions(self) -> npt.NDArray[np.float64] | None:
        """(N, K) share of each rating, from the worst to the best; None where it is not known."""
        columns = rating_columns(self.table)
        return self.table[columns].to_numpy() if columns else None

    @property
    def digest(self) -> str:
        """Digest of the images' names, labels and scenes; the same wherever the folder lies."""
        return _digest(self.table[["path", "score", "quality", "scene", *rating_columns(self.table)]])

    @property
    def split_digest(self) -> str:
        """Digest of which image is on which side."""
        return _digest(self.table[["path", "split"]])


@dataclass(frozen=True)
class Database:
    """A database as the configuration describes it."""

    name: str  # name of the dataset
    adapter: str  # one of `iqabench list datasets`, or registered by a plugin
    params: Mapping[str, Any]  # the adapter's parameters, such as `root`
    split_seed: int  # seed of the division into training and test
    split_file: Path  # where the division is saved, and found again
    where: str  # what to blame in an error: file and table, such as `bench.toml: [datasets.live]`
    test_list: Path | None = None  # names the test images, a line each; goes before any other division
    largest_image: int = LARGEST  # most pixels that an image may have when it is decoded


def open_dataset(database: Database) -> Dataset:
    """Read a database, check it, normalise its scores and divide its scenes.

    This checks that the images exist, and not whether they can be decoded.

    Raises:
        UserError: Unknown adapter or parameter; a wrong folder; an image that is missing or listed twice; a
            score that is missing or out of bounds; a split that does not fit. It names the first case and
            says how many more there are.
    """
    source, table = read_table(database)
    problems = find_problems(table, source)
    if problems:
        others = f" ({len(problems) - 1} more found by `iqabench datasets verify`)" if problems[1:] else ""
        raise UserError(f"{database.where}: {problems[0].in_words(most=1)}{others}")
    table["quality"] = (
        quality(table["score"].to_numpy(), source.low, source.high, source.lower_is_better)
        if source.labelled
        else math.nan
    )
    with located(database.where):
        table = with_test_list(table, database.test_list)
        split_seed = 0 if "split" in table else database.split_seed
        table["split"] = load_or_make_split(table, database.split_seed, database.split_file)
    ratings, reference = rating_columns(table), [name for name in ["reference"] if name in table]
    table[ratings] = table[ratings].div(table[ratings].sum(axis=1), axis=0)
    return Dataset(
        name=database.name,
        root=source.root,
        table=table[["path", "score", "quality", "scene", "distortion", "split", *ratings, *reference]],
        low=source.low,
        high=source.high,
        lower_is_better=source.lower_is_better,
        split_seed=split_seed,
        stand_in=source.stand_in,
        version=source.version,
        largest_image=database.largest_image,
    )


def read_table(database: Database) -> tuple[DatasetAdapter, pd.DataFrame]:
    """Return the adapter, and the table it reads: unchecked, sorted by path and indexed from 0.

    Raises:
        ParameterError: The adapter does not take one of the parameters.
        UserError: Unknown adapter, or a folder or label file that cannot be read.
    """
    adapter, factory = database.adapter, registry.resolve("datasets", database.adapter)
    complete = complete_parameters(factory, database.params, where=database.where)
    with located(database.where):
        plugin = registry.is_plugin("datasets", adapter)
        with blaming_line(f"dataset adapter {adapter!r} cannot be read") if plugin else nullcontext():
            source: DatasetAdapter = factory(**complete)
            table: object = source.read()
        found = checked_table(table, f"dataset adapter {adapter!r}")
        found = found.assign(**{name: numbers(found[name]) for name in ["score", *rating_columns(found)]})
    found = found.sort_values("path", kind="stable", ignore_index=True)
    return source, found.assign(scene=in_one_spelling(found["scene"]))


def checked_table(table: object, who: str) -> pd.DataFrame:
    """Return what `read` gave, indexed from 0; a UserError if it is not a table with all of `COLUMNS`."""
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"{who}: read() returns a {type(table).__name__}, not a pandas.DataFrame")
    absent = [column for column in COLUMNS if column not in table]
    if absent:
        raise UserError(f"{who}: read() returns no column {absent[0]!r}")
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise UserError(f"{who}: read() returns two columns {twice!r}")
    for column in ("path", "scene", "distortion"):
        other = next((value for value in table[column] if not isinstance(value, str)), None)
        if other is not None:
            raise UserError(f"{who}: the column {column!r} of read() holds {other!r}, which is not a text")
    if np.iscomplexobj(table["score"]):
        raise UserError(f"{who}: the column 'score' of read() holds complex numbers")
    return table.reset_index(drop=True)


def quality(scores: npt.ArrayLike, low: float, high: float, lower_is_better: bool) -> npt.NDArray[np.float64]:
    """Map raw scores on a scale from `low` to `high` to quality in [0, 1], higher is better.

    Raises:
        ValueError: A score is NaN or outside the scale; it is never clipped.
    """
    raw = np.asarray(scores, dtype=np.float64)
    if not np.all((raw >= low) & (raw <= high)):
        raise ValueError(f"scores must lie in [{low:g}, {high:g}]")
    share = (raw - low) / (high - low)
    return 1 - share if lower_is_better else share


def _digest(table: pd.DataFrame) -> str:
    lines = "\n".join(
        "\t".join(map(repr, row)) for row in zip(*(table[c].tolist() for c in table), strict=True)
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
