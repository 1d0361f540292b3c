"""The evidence behind a measured number: a cell's per-image scores, evaluated anew."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from ....bench.core.text import parameters
from ....bench.store.cell import key_of
from ....bench.store.cell_file import StoredCell, read_cell, read_scores
from ....bench.store.metric_cache import CellMetrics, MetricCache
from ....bench.store.metrics import OK, evaluate
from ..board import Number

RESAMPLES = 1000
"""Bootstrap resamples behind an interval, as in a results table."""

STAND_INS = ("synthetic",)
"""Datasets that stand in for a database, whatever a file says of them."""

METRICS = ("srocc", "plcc", "mse")
"""What the leaderboard shows, in this order."""


@dataclass(frozen=True)
class Scored:
    """One cell with its metrics, whether it is from a store or from the files of an entry.

    Attributes are those of a results table, so `model_params` and `attack_params` are JSON, `epsilon` is in
    units of 1/255, `low` and `high` bound `srocc`, and `file` names the scores.
    """

    dataset: str
    model: str
    variant: str
    regime: str
    seed: int
    attack: str
    epsilon: float
    n: int
    srocc: float
    plcc: float
    mse: float
    low: float
    high: float
    limit: int | None
    image_size: int
    dataset_digest: str
    split_digest: str
    weights: str
    model_params: str
    attack_params: str
    stand_in: bool
    versions: str
    command: str
    checkpoint: str
    file: str

    @property
    def condition(self) -> tuple[str, str, float]:
        """Dataset, attack and epsilon."""
        return self.dataset, self.attack, self.epsilon

    @property
    def trained(self) -> str:
        """Model, variant and regime as a phrase: `cprl (b=0.4) with clean training`."""
        variant = f" ({self.variant})" if self.variant else ""
        return f"{self.model}{variant} with {self.regime} training"

    @property
    def test_images(self) -> tuple[str, str, int | None]:
        """What says which images are in the dataset's test split, and how many of them are scored."""
        return self.dataset_digest, self.split_digest, self.limit

    @property
    def images(self) -> tuple[str, str, int, int]:
        """What says which images the scores are of."""
        return self.dataset_digest, self.split_digest, self.image_size, self.n

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> "Scored":
        """Of a row of a results table."""
        own = {name: row[name] for name in cls.__annotations__ if name in row}
        texts = {name: row[name] or "" for name in ("versions", "command", "checkpoint")}
        limit = None if pd.isna(row["limit"]) else int(row["limit"])
        return cls(**{**own, **texts, "limit": limit, "low": row["srocc_low"], "high": row["srocc_high"]})


@dataclass(frozen=True)
class ScoreFile:
    """A readable file of scores.

    Attributes:
        stored: The cell in it.
        scored: The same with its metrics.
        scored_on: Digest of the images' names and labels.
    """

    stored: StoredCell
    scored: Scored
    scored_on: str

    @property
    def key(self) -> str:
        """Of the cell."""
        return str(self.stored.provenance["key"])

    @cached_property
    def labels(self) -> dict[str, float]:
        """Quality by image."""
        return labels_of(self.stored)


def labels_of(cell: StoredCell) -> dict[str, float]:
    """Quality by image.

    Raises:
        ValueError: the cell's scores cannot be read.
    """
    scores = read_scores(cell)
    return dict(zip(scores.images, scores.quality.tolist(), strict=True))


def read_score_file(
    path: Path, name: str, kept: MetricCache | None = None
) -> tuple[ScoreFile | None, tuple[str, ...]]:
    """Read a cell's file and evaluate it.

    Args:
        path: The Parquet file.
        name: What to call it.
        kept: Metrics of files that were read before, with which nothing was wrong.

    Returns:
        The file, or None where it cannot be used; and what is wrong with it, in phrases.
    """
    try:
        stored = read_cell(path)
        metrics = kept.get(stored.content, RESAMPLES) if kept else None
        problems: tuple[str, ...] = ()
        if metrics is None:
            metrics, problems = _evaluated(stored)
    except ValueError as error:
        return None, (str(error),)
    except OSError as error:
        return None, (f"cannot be read: {error.strerror}",)
    if problems:
        return None, problems
    if kept:
        kept.add(stored.content, RESAMPLES, metrics)
    return ScoreFile(stored, _scored(stored, metrics, name), metrics.scored_on), ()


def _evaluated(stored: StoredCell) -> tuple[CellMetrics, tuple[str, ...]]:
    scores = read_scores(stored)
    evaluation = evaluate(scores.quality, scores.score, resamples=RESAMPLES)
    problems = []
    if stored.provenance["key"] != key_of(stored.provenance["cell"]):
        key = stored.provenance["key"]
        problems.append(f"its key {key!r} is not that of its cell: its metadata were changed after the run")
    twice = next((one for one, other in pairwise(scores.images) if one == other), None)
    if twice is not None:
        problems.append(f"image {twice!r} is in it more than once")
    if evaluation.status != OK:
        problems.append(f"{evaluation.status}, so there is no number")
    return CellMetrics(scores.scored_on, evaluation), tuple(problems)


def _scored(stored: StoredCell, metrics: CellMetrics, name: str) -> Scored:
    cell, context = stored.provenance["cell"], stored.provenance["context"]
    measures = metrics.evaluation.measures
    own = {field: cell[field] for field in Scored.__annotations__ if field in cell}
    further = {
        "variant": cell.get("variant", ""),
        "model_params": json.dumps(cell["model_params"], sort_keys=True),
        "attack_params": json.dumps(cell["attack_params"], sort_keys=True),
        "n": metrics.evaluation.n,
        "low": measures["srocc"].low,
        "high": measures["srocc"].high,
        "stand_in": bool(context.get("stand_in")),
        "versions": ", ".join(f"{package} {text}" for package, text in context.get("versions", {}).items()),
        "command": context.get("command") or "",
        "checkpoint": context.get("checkpoint") or "",
        "file": name,
    }
    return Scored(**{**own, **further, **{metric: measures[metric].value for metric in METRICS}})


def measured_number(cells: Sequence[Scored]) -> Number:
    """The number that cells of one dataset, attack and epsilon stand for, a seed each.

    The mean over the seeds, with bounds that hold all their intervals.
    """
    first = cells[0]
    return Number(
        kind="measured",
        dataset=first.dataset,
        attack=first.attack,
        epsilon=first.epsilon,
        srocc=fmean(cell.srocc for cell in cells),
        plcc=fmean(cell.plcc for cell in cells),
        mse=fmean(cell.mse for cell in cells),
        low=min(cell.low for cell in cells),
        high=max(cell.high for cell in cells),
        images=first.n,
        seeds=tuple(sorted(cell.seed for cell in cells)),
        parameters="; ".join(dict.fromkeys(filter(None, (parameters(cell.attack_params) for cell in cells)))),
        stand_in=any(cell.stand_in or cell.dataset in STAND_INS for cell in cells),
        source=", ".join(cell.file for cell in cells),
        limited=any(cell.limit is not None for cell in cells),
    )


def same(one: float, other: float, tolerance: float) -> bool:
    """Whether two numbers differ by no more than a tolerance."""
    return math.isclose(one, other, rel_tol=0, abs_tol=tolerance + 1e-12)
