"""Looks at every image of a database before a GPU minute is spent on it, and reports all that is wrong."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..core.errors import UserError
from ..core.parameters import ParameterError
from ..core.progress import counted
from ..core.text import plural
from .base import Database, DatasetAdapter, read_table
from .checks import Problem, find_problems
from .decoding import Undecodable, decode_rgb_bytes, read_image_file, strict_decoding
from .splits import SIDES, find_split, with_test_list

PLACES_SHOWN = 20  # of a problem
PATHS_SHOWN = 4  # of a group of identical files


class Files(NamedTuple):
    """Findings in the image files."""

    missing: tuple[str, ...] = ()  # images that do not exist
    unreadable: Mapping[str, str] = {}  # images that cannot be decoded to their last pixel, and why
    one_colour: tuple[str, ...] = ()  # images all of whose pixels are equal
    duplicates: tuple[tuple[str, ...], ...] = ()  # groups of images whose files are identical


@dataclass(frozen=True)
class Verification:
    """Findings in a database."""

    name: str  # what the user calls the database
    source: DatasetAdapter | None = None  # its adapter; None if the labels could not be read
    # A row per image: `path`, `score` (raw), `scene`, `distortion` and `split`, which is missing where there
    # can be none. Empty if the labels could not be read.
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    files: Files = field(default_factory=Files)  # what was found in the image files
    problems: tuple[str, ...] = ()  # everything that is wrong, in words; empty if the database is fit for use


def verify_dataset(database: Database) -> Verification:
    """Check labels, files, pixels and split of a database, and collect every problem. Writes nothing.

    `open_dataset` stops at the first problem, and does not decode images. A database whose labels cannot be
    read at all has that as its only problem.

    Raises:
        ParameterError: The adapter does not take one of the parameters, which says nothing of the database.
    """
    try:
        source, table = read_table(database)
    except ParameterError:
        raise
    except UserError as error:
        return Verification(database.name, problems=(str(error),))
    problems = find_problems(table, source)
    misfit = []
    try:
        divided = with_test_list(table, database.test_list)
        sides = find_split(divided, database.split_seed, database.split_file)
    except UserError as error:
        misfit = [str(error)]
        sides = pd.Series(index=table.index, dtype=str)
    side_of = dict(zip(table["path"], sides, strict=True))
    files = _look_at_images(source.root, list(side_of), database.largest_image)
    problems += [problem for problem in _file_problems(files, side_of) if problem.places]
    messages = (*(problem.in_words(most=PLACES_SHOWN) for problem in problems), *misfit)
    return Verification(database.name, source, table.assign(split=sides), files, messages)


def _look_at_images(root: Path, paths: Sequence[str], largest: int) -> Files:
    with strict_decoding(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as workers:
        looks = zip(paths, workers.map(lambda path: _look(root / path, largest), paths), strict=True)
        found = dict(counted(looks, "looking at images", len(paths)))
    there = {path: look for path, look in found.items() if look is not None}
    same: defaultdict[str, list[str]] = defaultdict(list)
    for path, look in there.items():
        same[look.digest].append(path)
    return Files(
        missing=tuple(path for path in found if path not in there),
        unreadable={path: look.fault for path, look in there.items() if look.fault},
        one_colour=tuple(path for path, look in there.items() if look.one_colour),
        duplicates=tuple(tuple(group) for group in same.values() if len(group) > 1),
    )


class _Look(NamedTuple):
    digest: str
    fault: str = ""
    one_colour: bool = False


def _look(file: Path, largest: int) -> _Look | None:
    """Return what is in a file; None if there is no file."""
    if not os.path.isfile(file):  # False also for a name that no file may have, as `is_file` is not
        return None
    digest = str(file)
    try:
        content = read_image_file(file)
        digest = hashlib.sha256(content).hexdigest()
        image = decode_rgb_bytes(content, largest=largest)
    except Undecodable as error:
        return _Look(digest, str(error))
    return _Look(digest, one_colour=image.getcolors(maxcolors=1) is not None)


def _file_problems(files: Files, side_of: Mapping[str, str]) -> Iterator[Problem]:
    yield Problem(
        "image that cannot be decoded to its last pixel",
        tuple(f"{path} ({fault})" for path, fault in files.unreadable.items()),
        "fetch a damaged file again from its owner",
    )
    yield Problem(
        "image of one colour",
        files.one_colour,
        "nothing is to be seen in it: look at the file, and leave the image out of the label table",
    )
    yield Problem(
        "images whose files are identical",
        tuple(_group_in_words(group, {side_of[path] for path in group}) for group in files.duplicates),
        "keep one of each, or give them one scene so that they stay on one side of the split",
    )


def _group_in_words(paths: Sequence[str], sides: set[str]) -> str:
    hidden = len(paths) - PATHS_SHOWN
    more = f" and {hidden} more" if hidden > 0 else ""
    return " = ".join(paths[:PATHS_SHOWN]) + more + " (in both training and test)" * (sides == set(SIDES))


def in_words(found: Verification, published: str = "") -> str:
    """Return a verification as plain text: a line per finding, the problems last.

    `published` is what the CPRL paper's Table 3 says of the database, if it does.
    """
    root = found.source.root if found.source else "not read"
    lines = [f"{found.name}: {root}"]
    if found.source and found.source.stand_in:
        lines.append("  stands in for a real database; no published number is about it")
    if len(found.table):
        lines += [f"  {title:<12}{text}" for title, text in _findings(found, published)]
    count = len(found.problems)
    lines.append(f"  {plural(count, 'problem')}:" if count else "  no problems")
    return "\n".join(lines + [f"  - {problem}" for problem in found.problems])


def _findings(found: Verification, published: str) -> Iterator[tuple[str, str]]:
    table, source, files = found.table, found.source, found.files
    yield "images", f"{len(table)} of {table['scene'].nunique()} scenes"
    if published:
        yield "Table 3", published
    kinds = table["distortion"].astype(str).value_counts(sort=False).sort_index()
    yield "distortions", f"{len(kinds)}: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}"
    if source and not source.labelled:
        yield "labels", "none: scores are not compared with any"
    scores = table["score"].dropna()
    if source and len(scores):
        better = "lower" if source.lower_is_better else "higher"
        scale = f"on a scale from {source.low:g} to {source.high:g}, {better} is better"
        yield "scores", f"{scores.min():g} to {scores.max():g} {scale}"
    for side in ("train", "test"):
        rows = table[table["split"] == side]
        if len(rows):
            share = f"({len(rows) / len(table):.1%})"
            yield side, f"{plural(len(rows), 'image')} {share} of {plural(rows['scene'].nunique(), 'scene')}"
    yield "missing", f"{len(files.missing)}"
    yield "unreadable", f"{len(files.unreadable)}"
    yield "duplicates", f"{sum(map(len, files.duplicates))} images in {len(files.duplicates)} groups"
