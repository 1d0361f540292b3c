"""Checks of a database's table before it is used: one list, to open it and to verify it."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ..core.errors import UserError

if TYPE_CHECKING:
    from .base import DatasetAdapter

RATINGS = "opinions_"
"""Begins the names of columns with a rating distribution: `opinions_1` (worst), `opinions_2`..."""


class Problem(NamedTuple):
    """One kind of fault, every place where it was found, and what to do about it."""

    fault: str
    places: tuple[str, ...]  # the images (or other things) at fault, each with what was found there
    remedy: str

    def in_words(self, most: int) -> str:
        """Return the problem as a sentence that names at most this many places and counts the others."""
        hidden = len(self.places) - most
        more = f", and {hidden} more" if hidden > 0 else ""
        return f"{self.fault}: {', '.join(self.places[:most])}{more}; {self.remedy}"


def rating_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of the ratings, the worst first; raises UserError if one in between is missing."""
    names = [str(name) for name in table if re.fullmatch(rf"{RATINGS}\d+", str(name))]
    expected = [f"{RATINGS}{rating}" for rating in range(1, len(names) + 1)]
    if set(names) != set(expected):
        raise UserError(f"columns {', '.join(names)}: a rating distribution takes {', '.join(expected)}")
    return expected


def find_problems(table: pd.DataFrame, source: "DatasetAdapter") -> list[Problem]:
    """Return everything wrong with a table that can be seen without decoding an image, gravest first."""
    if table.empty:
        return [Problem("no images", (str(source.root),), "the label table has no rows")]
    return [problem for problem in _checks(table, source) if problem.places]


def _checks(table: pd.DataFrame, source: "DatasetAdapter") -> Iterator[Problem]:
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
        _named(paths[~labelled]) if source.labelled else (),
        "complete the label table, or leave the image out of it",
    )

    outside = table[labelled & ~scores.between(source.low, source.high)]
    yield Problem(
        f"score outside [{source.low:g}, {source.high:g}]",
        tuple(f"{path} has {score:g}" for path, score in zip(outside["path"], outside["score"], strict=True)),
        "correct the score, or state the scale's own bounds as `low` and `high` in the dataset's table",
    )

    shares = table[rating_columns(table)].to_numpy()
    sound = (np.isfinite(shares) & (shares >= 0)).all(axis=1) & (shares.sum(axis=1) > 0)
    yield Problem(
        "ratings that are not a distribution",
        _named(paths[~sound]) if shares.size else (),
        "give a count or a share of 0 or more for every rating in the columns opinions_1, opinions_2...",
    )

    absent = [not os.path.isfile(source.root / path) for path in paths]  # also of a name too long for a file
    yield Problem(
        f"no such image of the {len(table)} under {source.root}",
        _missing(source.root, _named(paths[absent])),
        "the copy is incomplete or its files were renamed: fetch it again from its owner",
    )


def _named(paths: pd.Series) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, paths)))


def _missing(root: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths, each with the file that only writes its name in another way, where there is one."""
    listed: dict[Path, dict[str, str]] = {}
    found = []
    for path in paths:
        folder = (root / path).parent
        if folder not in listed:
            names = sorted(file.name for file in folder.iterdir()) if os.path.isdir(folder) else []
            listed[folder] = {_plain(name): name for name in names}
        other = listed[folder].get(_plain(Path(path).name))
        found.append(
            path if other is None else f"{path} (there is {other!a}; write the name as the file has it)"
        )
    return tuple(found)


def _plain(name: str) -> str:
    """Return a name in a form that does not depend on its Unicode form, its case or its image suffix."""
    stem, dot, suffix = unicodedata.normalize("NFC", name).casefold().rpartition(".")
    return f"{stem}{dot}{'jpg' if suffix == 'jpeg' else suffix}"
