"""What must hold of a database's table before it is used: one list of checks, to open it and to verify it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Problem:
    """One kind of fault, and every place where it was found.

    Attributes:
        what: The fault, such as `no such image`.
        places: The images (or other things) at fault, each with what was found there.
        remedy: What to do about it.
    """

    what: str
    places: tuple[str, ...]
    remedy: str

    def message(self, most: int) -> str:
        """The fault in words, naming at most this many places and counting the others."""
        hidden = len(self.places) - most
        more = f", and {hidden} more" if hidden > 0 else ""
        return f"{self.what}: {', '.join(self.places[:most])}{more}; {self.remedy}"


def find_problems(table: pd.DataFrame, root: Path, low: float, high: float) -> list[Problem]:
    """Everything wrong with a table that can be seen without decoding an image, gravest first.

    Args:
        table: A row per image, with `path` and `score`.
        root: Folder the paths are relative to.
        low: Lowest raw score there can be.
        high: Highest raw score there can be.
    """
    if table.empty:
        return [Problem("no images", (str(root),), "the label table has no rows")]
    return [problem for problem in _checks(table, root, low, high) if problem.places]


def _checks(table: pd.DataFrame, root: Path, low: float, high: float) -> Iterator[Problem]:
    paths, scores = table["path"], table["score"]
    repeats = paths[paths.duplicated(keep=False)].value_counts(sort=False).sort_index()
    yield Problem(
        "image listed more than once",
        tuple(f"{path} ({count} times)" for path, count in repeats.items()),
        "keep one row for each image in the label table",
    )
    labelled = pd.Series(np.isfinite(scores), index=table.index)
    yield Problem(
        "image without a score, or with one that is not a number",
        _named(paths[~labelled]),
        "complete the label table, or leave the image out of it",
    )
    outside = labelled & ~scores.between(low, high)
    yield Problem(
        f"score outside [{low:g}, {high:g}]",
        tuple(f"{path} has {score:g}" for path, score in zip(paths[outside], scores[outside], strict=True)),
        "correct the score, or state the scale's own bounds as `low` and `high` in the dataset's table",
    )
    opinions = table.filter(regex="^opinions_")
    shares = opinions.to_numpy()
    sound = (np.isfinite(shares) & (shares >= 0)).all(axis=1) & (shares.sum(axis=1) > 0)
    yield Problem(
        "opinions that are no distribution",
        _named(paths[~sound]) if shares.size else (),
        "give a count or a share of 0 or more for every rating in the columns opinions_1, opinions_2...",
    )
    missing = [not (root / path).is_file() for path in paths]
    yield Problem(
        f"no such image of the {len(table)} under {root}",
        _named(paths[missing]),
        "the copy is incomplete or its files were renamed: fetch it again from its owner",
    )


def _named(paths: Sequence[str] | pd.Series) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, paths)))
