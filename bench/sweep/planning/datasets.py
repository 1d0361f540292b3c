"""Datasets of a sweep: opened, split and decoded, and which of their images are trained on and scored."""

import filecmp
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import registry
from ...core.config import Settings
from ...core.errors import UserError
from ...core.files import regular, safe_name, write_text
from ...datasets.base import Database, Dataset, open_dataset
from ...datasets.framing import FramedPixels, Framing
from ...datasets.subset import balanced_subset
from ...store.cell import digest
from ...training.fit import TrainingData
from ..measuring.data import TestData
from ..measuring.references import References
from .tables import check_name, chosen_names


@dataclass(frozen=True)
class PlannedDataset:
    """An opened dataset, its pixels decoded, and which of its test images will be scored."""

    dataset: Dataset
    cache: FramedPixels  # its pixels, as models of one framing are given them
    limit: int | None  # how many test images are scored, fewer than there are; None: all
    folder: Path  # where pixels are cached

    def framed(self, framing: Framing) -> "PlannedDataset":
        """Return the dataset with its pixels as models of another framing are given them."""
        if framing == self.cache.framing:
            return self
        return replace(self, cache=FramedPixels.open(self.dataset, framing, self.folder))

    @cached_property
    def test_rows(self) -> np.ndarray:
        """Indices into the table and the cache of the images to score."""
        rows = np.flatnonzero(self.dataset.table["split"] == "test")
        if self.limit is None:
            return rows
        chosen = balanced_subset(self.dataset.table.iloc[rows], self.limit, self.dataset.split_seed)
        limited: np.ndarray = rows[chosen]
        return limited

    @cached_property
    def scoring_rows(self) -> np.ndarray:
        """The rows of `test_rows`, those whose images have one shape together."""
        return self.cache.bucketed(self.test_rows)

    @cached_property
    def scored(self) -> TestData:
        """The images to score, and their labels."""
        return TestData(self.cache, self.scoring_rows, self.quality_of(self.scoring_rows))

    def rows_of_cell(self, columns: Mapping[str, Any]) -> pd.DataFrame:
        """Return the scored images with columns (N,) as a cell holds them, in the order of the table."""
        scored = self.dataset.table.iloc[self.scoring_rows].assign(**columns)
        return (
            scored.rename(columns={"path": "image"}).drop(columns="reference", errors="ignore").sort_index()
        )

    def quality_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels (N,) in [0, 1] of the images in N rows of the table; NaN: none."""
        quality: np.ndarray = self.dataset.table["quality"].to_numpy()[rows]
        return quality

    @cached_property
    def references(self) -> References:
        """The undistorted images that a full-reference metric compares with."""
        return References(self)

    @cached_property
    def training(self) -> TrainingData:
        """The training images."""
        rows = np.flatnonzero(self.dataset.table["split"] == "train")
        distributions = self.dataset.rating_distributions
        return TrainingData(
            self.cache, rows, self.quality_of(rows), None if distributions is None else distributions[rows]
        )

    def seen_in(self, training: "PlannedDataset") -> list[tuple[str, str]]:
        """Return the images to score that are among the training images of a dataset, each with that one."""
        rows = np.flatnonzero(training.dataset.table["split"] == "train").tolist()
        pairs = self.cache.cache.same_as(self.test_rows.tolist(), training.cache.cache, rows)
        mine, theirs = self.dataset.table["path"], training.dataset.table["path"]
        return [(mine[row], theirs[other]) for row, other in pairs]

    def identity(self) -> dict[str, Any]:
        """Return the fields of `Cell` that say which pixels and labels these are."""
        framing = self.cache.framing
        identity = {**self._labels, "image_size": framing.image_size, "pixels": framing.text}
        if self.limit is not None:  # which images are scored depends on the way of choosing them
            chosen = self.dataset.table["path"].iloc[self.test_rows].tolist()
            identity["split_digest"] = digest([self.dataset.split_digest, chosen])[:16]
        return identity

    def training_identity(self) -> dict[str, Any]:
        """Return the fields that say which pixels and labels weights are fitted to."""
        framing = self.cache.framing
        identity = {**self._labels, "image_size": framing.training_crop, "pixels": framing.training_text}
        return {name: value for name, value in identity.items() if (name, value) != ("pixels", None)}

    @cached_property
    def _labels(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset.name,
            "dataset_version": self.dataset.version,
            "dataset_digest": self.dataset.digest,
            "pixels_digest": self.cache.digest,
            "split_seed": self.dataset.split_seed,
            "split_digest": self.dataset.split_digest,
        }


def plan_datasets(
    settings: Settings, results: Path, framing: Framing
) -> tuple[list[PlannedDataset], list[PlannedDataset]]:
    """Open, split and decode the datasets of the sweep: those scored, and those that `train_on` names.

    Raises:
        UserError: a dataset is not as it should be, or two would share a name; names the file or image at
            fault.
    """
    scored = chosen_names(settings.run.datasets, "datasets", settings.datasets)
    asked = settings.run.train_on
    trained_on = [] if asked is None else chosen_names(asked, "datasets", settings.datasets, key="train_on")
    planned: dict[str, PlannedDataset] = {}
    split_files: dict[Path, str] = {}
    for name in dict.fromkeys([*scored, *trained_on]):
        database = database_of(settings, name, results)
        if (other := split_files.setdefault(database.split_file, name)) != name:
            raise UserError(
                f"datasets {other} and {name} would both be called {database.name}, and share a split "
                'and their place in reports; give each a table `[datasets.NAME]` with `adapter = "csv"` and '
                "its path as `root`"
            )
        if name not in settings.datasets and database.params:
            _check_source(database, results)
        with settings.blaming("datasets", database.name):
            dataset = open_dataset(database)
        folder = results / "cache"
        cache = FramedPixels.open(dataset, framing, folder)
        _note_source(database)
        limit, tests = settings.run.limit, int((dataset.table["split"] == "test").sum())
        limited = limit if limit != "all" and limit < tests else None
        planned[name] = PlannedDataset(dataset, cache, limited, folder)
    return [planned[name] for name in scored], [planned[name] for name in trained_on]


def _check_source(database: Database, results: Path) -> None:
    """See that a file or folder that is named by its path does not take another's place in reports.

    Raises:
        UserError: its name stands in the store for another one, which is still there.
    """
    source, note, name = _source(database), _source_note(database), database.name
    try:
        other = Path(regular(note).read_text(encoding="utf-8"))
        alike = source.samefile(other) or filecmp.cmp(source, other, shallow=False)
    except (OSError, ValueError):
        return  # nothing was noted, or it is damaged, or one of the two is no longer there
    if not alike:
        raise UserError(
            f"{name} is the name of {other} in {results}, and {source} would take its place in reports; give "
            "one of them another name by a table `[datasets.NAME]` with "
            f'`adapter = "{database.adapter}"` and its path as `root`, or use other --results'
        )


def _note_source(database: Database) -> None:
    """Note in the store, for `_check_source`, which file or folder a name stands for."""
    if database.params.get("root"):
        with suppress(OSError):  # a folder or a pipe may be in its place
            write_text(_source_note(database), str(_source(database)))


def _source(database: Database) -> Path:
    return Path(database.params["root"]).expanduser().absolute()


def _source_note(database: Database) -> Path:
    return database.split_file.with_name(f"{safe_name(database.name)}.source")


def database_of(settings: Settings, name: str, results: Path) -> Database:
    """Return the database of a `[datasets.NAME]` table, a CSV file or a folder."""
    table, path = dict(settings.datasets.get(name, {})), Path(name).expanduser()
    if not table:
        if name not in registry.names("datasets") and path.is_dir():
            table, name = {"adapter": "folder", "root": name}, path.resolve().name
        elif name.lower().endswith(".csv"):
            table, name = {"adapter": "csv", "root": name}, path.stem
        elif "/" in name and not registry.is_path("datasets", name):
            raise UserError(f"dataset {name!r}: no such folder or CSV file: {path.absolute()}")
        if table:
            check_name(settings, "datasets", name)
    adapter, test_list = table.pop("adapter", name), table.pop("test_list", None)
    seed = settings.run.split_seed
    return Database(
        name=name,
        adapter=adapter,
        params=table,
        split_seed=seed,
        split_file=results / "splits" / f"{safe_name(name)}-seed{seed}.csv",
        where=settings.where_table("datasets", name),
        test_list=Path(test_list).expanduser() if test_list else None,
        largest_image=round(settings.run.max_megapixels * 1_000_000),
    )
