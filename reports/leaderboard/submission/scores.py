"""The per-image scores behind a measured number: a cell's file, evaluated again."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from ....bench.core.text import parameters
from ....bench.statistics.metrics import OK, RESAMPLES, Measure
from ....bench.store.cell_file import StoredCell, read_cell, read_scores
from ....bench.store.metric_cache import CellMetrics, MetricCache
from ....bench.store.results import row_of
from ...paper.points import WORST
from ..board import Condition, Move, Number

STAND_INS = ("synthetic",)  # datasets that stand in for a database, whatever a file says of them
METRICS = ("srocc", "plcc", "mse")  # metrics that the leaderboard shows, in this order

MOVES = {
    "rise": "gain_up", "fall": "gain_down", "r": "r_msu", "width": "median_width",
    "psnr": "psnr", "ssim": "ssim",
}  # fmt: skip
"""Columns of a row of images without labels, by the attributes of `Move`."""

Row = Mapping[Any, Any]
"""A row of `Results.frame`: one cell with its metrics, from a store or from the files of an entry."""


@dataclass(frozen=True)
class ScoreFile:
    """A readable file of scores that an entry names."""

    row: int  # number of the measured row that names it, from 1
    name: str  # its name in that row
    cell: Row  # the cell in it, with its metrics
    scored_on: str  # digest of the images' names and labels
    stored: StoredCell  # the same cell as it is stored

    @property
    def where(self) -> str:
        """Its row and name."""
        return f"[[measured]] row {self.row}: {self.name!r}"

    @cached_property
    def labels(self) -> dict[str, float]:
        """Quality by image."""
        return labels_of(self.stored)


def condition_of(row: Row) -> Condition:
    """Return the dataset, attack and epsilon of a row."""
    return row["dataset"], row["attack"], row["epsilon"]


def labels_of(cell: StoredCell) -> dict[str, float]:
    """Return the quality by image; raise ValueError where the cell's scores cannot be read."""
    scores = read_scores(cell)
    return dict(zip(scores.images, scores.quality.tolist(), strict=True))


def read_score_file(folder: Path, row: int, name: str, kept: MetricCache | None) -> ScoreFile:
    """Read the file of a cell, which a measured row of an entry names, and evaluate it, unless that is kept.

    Raises:
        ValueError: it cannot be used; the message is a phrase that says why.
    """
    try:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ValueError("a link out of this TOML file's folder; put the file itself there")
        stored = read_cell(folder / name)
        metrics = kept.get(stored.content, RESAMPLES) if kept else None
        if metrics is None:
            metrics = CellMetrics.of(read_scores(stored), RESAMPLES)
        if metrics.evaluation.status != OK:
            raise ValueError(f"{metrics.evaluation.status}, so there is no number")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if kept:
        kept.add(stored.content, RESAMPLES, metrics)
    cell = row_of(stored, metrics.evaluation, name)
    return ScoreFile(row, name, cell, metrics.scored_on, stored)


def measures(rows: Sequence[Row]) -> dict[str, Measure]:
    """Return the metrics that rows of one dataset, attack and epsilon, a seed each, give together.

    They are means over the seeds, with bounds that hold all their intervals; the worst case is among them if
    all rows have attainable intervals.
    """
    worst_case = all(not math.isnan(row.get(WORST, math.nan)) for row in rows)
    return {
        name: Measure(
            fmean(row[name] for row in rows),
            min(row[f"{name}_low"] for row in rows),
            max(row[f"{name}_high"] for row in rows),
        )
        for name in (*METRICS, *((WORST, "worst_plcc") if worst_case else ()))
    }


def measured_number(rows: Sequence[Row]) -> Number:
    """Return the number that rows of one dataset, attack and epsilon stand for, a seed each.

    Its metrics are those of `measures`; of an interval attack, those of the worst case.
    """
    found = measures(rows)
    worst_case = WORST in found
    srocc = found[WORST if worst_case else "srocc"]
    return Number(
        **_shared(rows),
        srocc=srocc.value,
        plcc=found["worst_plcc" if worst_case else "plcc"].value,
        mse=found["mse"].value,
        low=srocc.low,
        high=srocc.high,
        seeds=tuple(sorted(row["seed"] for row in rows)),
        parameters="; ".join(dict.fromkeys(filter(None, map(_attacked_with, rows)))),
        stand_in=any(row["stand_in"] or row["dataset"] in STAND_INS for row in rows),
        limited=any(not pd.isna(row["limit"]) for row in rows),
        worst_case=worst_case,
        width=fmean(row.get("median_width", math.nan) for row in rows),
        control=all(row["control"] for row in rows),
    )


def _shared(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what a number and a move have in common."""
    dataset, attack, epsilon = condition_of(rows[0])
    return {
        "kind": "measured",
        "dataset": dataset,
        "attack": attack,
        "epsilon": epsilon,
        "images": min(row["n"] for row in rows),  # a seed may have been run on a part of them
        "source": ", ".join(row["file"] for row in rows),
        "measured_by": "; ".join(dict.fromkeys(filter(None, (row["measured_by"] for row in rows)))),
    }


def _attacked_with(row: Row) -> str:
    """Return the parameters of a row's attack in words, and the precision of its search if not float32."""
    precision = f"precision {row['precision']}" if row["precision"] else ""
    return ", ".join(filter(None, [parameters(row["attack_params"]), precision]))


def measured_numbers(rows: Iterable[Row]) -> tuple[Number, ...]:
    """Return the number of each dataset, attack and epsilon of some rows."""
    return tuple(map(measured_number, _by_condition(rows).values()))


def measured_moves(rows: Iterable[Row]) -> tuple[Move, ...]:
    """Return how far each attack moves the scores, given rows of images without labels, a seed each.

    Several seeds have their mean.
    """
    return tuple(
        Move(**_shared(found) | {name: fmean(row[column] for row in found) for name, column in MOVES.items()})
        for (_, attack, _), found in _by_condition(rows).items()
        if attack != "none"
    )


def _by_condition(rows: Iterable[Row]) -> dict[Condition, list[Row]]:
    found: dict[Condition, list[Row]] = defaultdict(list)
    for row in rows:
        found[condition_of(row)].append(row)
    return found


def same(one: float, other: float, tolerance: float) -> bool:
    """Return whether two numbers differ by no more than a tolerance."""
    return math.isclose(one, other, rel_tol=0, abs_tol=tolerance + 1e-12)
