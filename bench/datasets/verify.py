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
from . import wording
from .base import Database, DatasetAdapter, read_table
from .checks import Found, Problem, find_problems
from .decoding import Undecodable, decode_rgb_bytes, read_image_file, strict_decoding
from .splits import SIDES, find_split, with_test_list

PLACES_SHOWN = 20


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
    problems += [Problem(kind, places, {}) for kind, places in _file_problems(files, side_of) if places]
    messages = (*(wording.message(problem, most=PLACES_SHOWN) for problem in problems), *misfit)
    return Verification(database.name, source, table.assign(split=sides), files, messages)


def _look_at_images(root: Path, paths: Sequence[str], largest: int) -> Files:
    missing: list[str] = []
    unreadable: dict[str, str] = {}
    one_colour: list[str] = []
    same: defaultdict[str, list[str]] = defaultdict(list)
    with strict_decoding(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as workers:
        looks = workers.map(lambda path: _look(root / path, largest), paths)
        for path, look in counted(zip(paths, looks, strict=True), "looking at images", len(paths)):
            if look is None:
                missing.append(path)
                continue
            same[look.digest].append(path)
            if look.fault:
                unreadable[path] = look.fault
            elif look.one_colour:
                one_colour.append(path)
    groups = tuple(tuple(group) for group in same.values() if len(group) > 1)
    return Files(tuple(missing), unreadable, tuple(one_colour), groups)


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


def _file_problems(files: Files, side_of: Mapping[str, str]) -> Iterator[Found]:
    yield "undecodable", tuple(f"{path} ({fault})" for path, fault in files.unreadable.items())
    yield "one colour", files.one_colour
    on_both = [{side_of[path] for path in group} == set(SIDES) for group in files.duplicates]
    yield "identical", tuple(map(wording.identical, files.duplicates, on_both))
