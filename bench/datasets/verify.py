"""Looks at every image of a database before a GPU minute is spent on it, and reports all that is wrong."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from tqdm import tqdm

from ..core.errors import UserError
from ..core.parameters import ParameterError
from .base import PublishedCounts, read_table
from .checks import Problem, find_problems
from .decoding import Undecodable, decode_rgb_bytes, strict_decoding
from .splits import SIDES, find_split

PLACES_SHOWN = 20
PATHS_SHOWN = 4
"""Of a group of identical files."""


@dataclass(frozen=True)
class Side:
    """One side of the split: how many images and scenes it has."""

    images: int
    scenes: int


@dataclass(frozen=True)
class Verification:
    """What was found in a database. Counts are of the label table; zero where it could not be read.

    Attributes:
        name: What the user calls the database.
        root: Folder of the images.
        images: Number of images.
        scenes: Number of scenes.
        distortions: Number of images by distortion.
        scores: Lowest and highest raw score.
        bounds: Lowest and highest raw score there can be.
        lower_is_better: Whether a high raw score means a bad picture.
        missing: Images that do not exist.
        unreadable: Images that cannot be decoded to their last pixel, and why.
        duplicates: Groups of images whose files are identical.
        sides: The split, by `train` and `test`; empty where there can be none.
        published: What the paper's Table 3 says of the database.
        stand_in: Whether it stands in for a real database.
        problems: Everything that is wrong, in words; empty if the database is fit for use.
    """

    name: str
    root: Path | None = None
    images: int = 0
    scenes: int = 0
    distortions: dict[str, int] = field(default_factory=dict)
    scores: tuple[float, float] | None = None
    bounds: tuple[float, float] | None = None
    lower_is_better: bool = False
    missing: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    duplicates: tuple[tuple[str, ...], ...] = ()
    sides: dict[str, Side] = field(default_factory=dict)
    published: PublishedCounts | None = None
    stand_in: bool = False
    problems: tuple[str, ...] = ()


def verify_dataset(
    name: str,
    adapter: str,
    params: Mapping[str, Any],
    *,
    split_seed: int,
    split_file: Path,
    where: str,
) -> Verification:
    """Check labels, files, pixels and split of a database, and collect every problem. Writes nothing.

    The arguments are those of `open_dataset`, which stops at the first problem and does not decode images.
    A database whose labels cannot be read at all has that as its only problem.

    Raises:
        ParameterError: the adapter does not take one of the parameters, which says nothing of the database.
    """
    try:
        source, table = read_table(adapter, params, where=where)
    except ParameterError:
        raise
    except UserError as error:
        return Verification(name, problems=(str(error),))
    problems = find_problems(table, source.root, source.low, source.high)
    messages = []
    sides = pd.Series(index=table.index, dtype=str)
    try:
        sides = find_split(table, split_seed, split_file)
    except UserError as error:
        messages = [str(error)]
    side_of = dict(zip(table["path"], sides, strict=True))
    files = _look_at_images(source.root, list(side_of))
    problems += [problem for problem in _file_problems(files, side_of) if problem.places]
    labelled = table["score"].dropna()
    return Verification(
        name=name,
        root=source.root,
        images=len(table),
        scenes=table["scene"].nunique(),
        distortions=Counter(sorted(map(str, table["distortion"]))),
        scores=None if labelled.empty else (float(labelled.min()), float(labelled.max())),
        bounds=(source.low, source.high),
        lower_is_better=source.lower_is_better,
        missing=files.missing,
        unreadable=files.unreadable,
        duplicates=files.duplicates,
        sides={
            side: Side(len(rows), rows["scene"].nunique())
            for side in SIDES
            if not (rows := table[sides == side]).empty
        },
        published=source.published,
        stand_in=source.stand_in,
        problems=(*(problem.message(most=PLACES_SHOWN) for problem in problems), *messages),
    )


class _Files(NamedTuple):
    missing: tuple[str, ...]
    unreadable: dict[str, str]
    duplicates: tuple[tuple[str, ...], ...]


def _look_at_images(root: Path, paths: Sequence[str]) -> _Files:
    missing: list[str] = []
    unreadable: dict[str, str] = {}
    same: defaultdict[str, list[str]] = defaultdict(list)
    with strict_decoding(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as workers:
        looks = workers.map(lambda path: _look(root / path), paths)
        for path, look in tqdm(
            zip(paths, looks, strict=True), total=len(paths), unit="image", disable=None, leave=False
        ):
            if look is None:
                missing.append(path)
                continue
            digest, fault = look
            same[digest].append(path)
            if fault:
                unreadable[path] = fault
    groups = tuple(tuple(group) for group in same.values() if len(group) > 1)
    return _Files(tuple(missing), unreadable, groups)


def _look(file: Path) -> tuple[str, str] | None:
    """Digest of a file's bytes, and why they are no picture ("" if they are); None if there is no file."""
    if not file.is_file():
        return None
    try:
        content = file.read_bytes()
    except OSError as error:
        return str(file), str(error)
    digest = hashlib.sha256(content).hexdigest()
    try:
        decode_rgb_bytes(content)
    except Undecodable as error:
        return digest, str(error)
    return digest, ""


def _file_problems(files: _Files, side_of: Mapping[str, str]) -> Iterator[Problem]:
    yield Problem(
        "image that cannot be decoded to its last pixel",
        tuple(f"{path} ({fault})" for path, fault in files.unreadable.items()),
        "the file is damaged: fetch it again from its owner",
    )
    yield Problem(
        "images whose files are identical",
        tuple(_group(group, {side_of[path] for path in group} == set(SIDES)) for group in files.duplicates),
        "keep one of each, or give them one scene so that they stay on one side of the split",
    )


def _group(paths: Sequence[str], on_both_sides: bool) -> str:
    hidden = len(paths) - PATHS_SHOWN
    more = f" and {hidden} more" if hidden > 0 else ""
    return " = ".join(paths[:PATHS_SHOWN]) + more + (" (in both training and test)" if on_both_sides else "")
