"""The paper's Table 3 as data: how many images and types of distortion the databases have."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow.parquet as pq
from pyarrow import ArrowException

from ...bench.core.files import safe_name
from ...bench.core.text import NOT_RUN, listing
from ...bench.store.results import Results
from ..catalogue import STAND_IN, dataset_name, ordered
from ..published import PAPER, load

METRICS = ("images", "types")
"""What Table 3 counts: distorted images, and types of distortion."""

_NO_TYPES = ({"Authentic"}, {"unknown"})  # where a database's distortions were not made, or are not told
_COUNTED_OTHERWISE = (
    "LIVE has 779 distorted images, not the printed 799; VCL has 552, and the printed 575 counts its 23 "
    "references."
)


@dataclass(frozen=True)
class Count:
    """How many there are by the store's own files, and by the paper; None where it is not known."""

    measured: int | None
    published: int | None = None

    @property
    def text(self) -> str:
        """The count as it is printed."""
        return NOT_RUN if self.measured is None else f"{self.measured:,}"

    @property
    def beside(self) -> str:
        """The paper's count, with the store's less the paper's; empty where there is none."""
        if self.published is None:
            return ""
        gap = "" if self.measured is None else f" ({self.measured - self.published:+,})".replace("-", "−")
        return f"paper {self.published:,}{gap}"


@dataclass(frozen=True)
class Database:
    """A row of Table 3.

    Attributes:
        dataset: Registered name.
        name: As the paper spells it.
        stand_in: Whether it stands in for a database.
        images: Distorted images.
        types: Types of distortion.
        tested: Images that models were scored on.
    """

    dataset: str
    name: str
    stand_in: bool
    images: Count
    types: Count
    tested: Count


@dataclass(frozen=True)
class Databases:
    """Table 3: the paper's databases, then the store's others.

    Attributes:
        caption: How to read it, in sentences.
        rows: Databases.
    """

    caption: str
    rows: tuple[Database, ...]

    number: ClassVar[str] = "3"
    slug: ClassVar[str] = "table3"
    title: ClassVar[str] = "The databases"
    headings: ClassVar[tuple[str, ...]] = ("Images", "Types of distortion", "Test images")
    advice: ClassVar[str] = ""
    layout: ClassVar[str] = "databases"
    """The template that renders it."""


def databases(results: Results, root: Path | None = None) -> Databases:
    """Return Table 3.

    Args:
        results: Of a store.
        root: The store's folder. Its saved splits tell how many images a database has, and the cells their
            types of distortion; without it neither is known.
    """
    published = _published()
    frame = results.frame
    stand_ins = set(frame.loc[frame["stand_in"].astype(bool), "dataset"])
    others = ordered("dataset", set(frame["dataset"]) - published.keys())
    rows = []
    for dataset in (*published, *others):
        cells = frame[frame["dataset"] == dataset]
        beside = {} if dataset in stand_ins else published.get(dataset, {})
        whole = cells[cells["limit"].isna()]
        rows.append(
            Database(
                dataset=dataset,
                name=dataset_name(dataset),
                stand_in=dataset in stand_ins,
                images=Count(_images(whole, root), beside.get("images")),
                types=Count(_types(whole, root), beside.get("types")),
                tested=Count(None if cells.empty else int(cells["n"].max())),
            )
        )
    return Databases(" ".join(_caption([row.name for row in rows if row.stand_in])), tuple(rows))


def _published() -> dict[str, dict[str, int]]:
    """The paper's counts by dataset, in the order of its Table 3."""
    numbers = load()
    mine = numbers[(numbers["source"] == PAPER) & (numbers["table"] == Databases.number)]
    found: dict[str, dict[str, int]] = {}
    for dataset, metric, value in zip(mine["dataset"], mine["metric"], mine["value"], strict=True):
        found.setdefault(dataset, {})[metric] = int(value)
    return found


def _images(cells: pd.DataFrame, root: Path | None) -> int | None:
    """The rows of the newest split, if its test side is what was scored."""
    if root is None or cells.empty:
        return None
    newest = cells.sort_values("created", kind="stable", na_position="first").iloc[-1]
    file = root / "splits" / f"{safe_name(newest['dataset'])}-seed{newest['split_seed']}.csv"
    try:
        sides = pd.read_csv(file, dtype=str, usecols=["split"])["split"]
    except (OSError, ValueError):
        return None
    return len(sides) if (sides == "test").sum() == newest["n"] else None


def _types(cells: pd.DataFrame, root: Path | None) -> int | None:
    """The types of distortion among the images of the newest cell."""
    if root is None or cells.empty:
        return None
    newest = cells.sort_values("created", kind="stable", na_position="first").iloc[-1]
    try:
        column = pq.read_table(root / newest["file"], columns=["distortion"])["distortion"]
    except (ArrowException, OSError, KeyError):
        return None
    types = set(column.to_pylist())
    return None if types in _NO_TYPES else len(types)


def _caption(stand_ins: list[str]) -> Iterator[str]:
    yield "Images: on both sides of the split that the store keeps. Types of distortion: of the test images."
    yield "Beside them the paper's counts, and in parentheses how far the store's are above them."
    yield f"{NOT_RUN} for what the store does not tell. {_COUNTED_OTHERWISE}"
    if stand_ins:
        yield f"† {listing(stand_ins)} {STAND_IN}."
