"""A model's agreement with labels at one strength of one attack, from the cells of its seeds."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from ...bench.core.text import listing
from ...bench.statistics.metrics import OK, Measure
from ...bench.statistics.visibility import KINDS
from ...bench.store.condition import attack_phrase
from ...bench.store.results import verdict
from ..catalogue import AUTO, Kind, attack_name, ordered

REGIME = "clean"  # the training regime of the paper's tables and Figure 6
WORST = "worst_srocc"  # the metric of the worst case that an interval attack finds
PLACE = ("dataset", "model", "attack", "epsilon")


@dataclass(frozen=True)
class Point:
    """A model's agreement with the labels of a dataset at one strength of one attack."""

    dataset: str
    model: str
    attack: str  # registered name, or `none`
    epsilon: float  # in units of 1/255; 0 without attack
    seeds: tuple[int, ...]  # the seeds behind it
    stand_in: bool  # whether the dataset stands in for a database
    status: str  # `ok`, or what every seed's metrics suffer from
    # by metric; means over the usable seeds, with bounds that hold all their intervals
    measures: Mapping[str, Measure]
    spread: Mapping[str, tuple[float, float]]  # by metric; the lowest and the highest value of a seed
    visibility: Mapping[str, float]  # PSNR in dB and SSIM, medians over images and means over seeds; NaN
    usable: int  # how many of the seeds have status `ok`
    cells: tuple[str, ...]  # keys of the cells behind it
    audit: str = ""  # `doubtful` if a cell is, else `sound` if one was audited, else empty
    control: bool = False  # whether the attack is a control, which does not look at the model

    @property
    def worst_case(self) -> bool:
        """True where an interval attack found a worst case."""
        return not math.isnan(self.measures[WORST].value)

    @property
    def srocc(self) -> Measure:
        """SROCC, that of the worst case where there is one."""
        return self.measures[WORST if self.worst_case else "srocc"]


def by(kind: Kind, points: Iterable[Point]) -> dict[str, list[Point]]:
    """Return points by their dataset, model or attack, in the order of print."""
    found = defaultdict(list)
    for point in points:
        found[getattr(point, kind)].append(point)
    return {name: found[name] for name in ordered(kind, found)}


def has_worst_case(points: Iterable[Point]) -> bool:
    """Return whether `auto` found a worst case at one of some points."""
    return any(point.attack == AUTO and point.worst_case for point in points)


def controls(points: Iterable[Point]) -> set[str]:
    """Return the attacks of some points that are controls."""
    return {point.attack for point in points if point.control}


def diverged(status: str) -> bool:
    """Return whether a status other than `ok` is the model's fault, not the labels'."""
    return status.endswith("scores") or " scores " in status


def grouped(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield the groups of rows that agree in some columns, undefined values included, in order."""
    yield from table.groupby(list(columns), sort=False, dropna=False)


def conditions(cells: pd.DataFrame) -> str:
    """Name the attacks of some cells with their strengths: `no attack and FGSM at 1/255`."""
    pairs = cells[["attack", "epsilon"]].drop_duplicates().itertuples(index=False, name=None)
    return listing([attack_phrase(attack, epsilon, attack_name) for attack, epsilon in pairs])


def point(cells: pd.DataFrame) -> Point:
    """Return the point that cells of one dataset, model, attack and epsilon stand for, a seed each."""
    (found,) = points_by(cells, PLACE).values()
    return found


def points_by(cells: pd.DataFrame, columns: Sequence[str]) -> dict[tuple[Any, ...], Point]:
    """Return the point of each group of cells that agree in some columns, in the order of the cells.

    The columns tell apart at least dataset, model, attack and epsilon.
    """
    runs = defaultdict(list)
    for values in cells[[*columns, *_Run._fields]].itertuples(index=False, name=None):
        runs[values[: len(columns)]].append(_Run(*values[len(columns) :]))
    metrics = [name for name in cells.columns if {f"{name}_low", f"{name}_high"} <= {*cells.columns}]
    lows, highs = ([*metrics, *(f"{name}_{bound}" for name in metrics)] for bound in ("low", "high"))
    everything, usable = (
        frame.groupby(list(columns), sort=False, dropna=False) for frame in (cells, _usable(cells, columns))
    )
    numbers = (
        everything[list(KINDS)].mean(), usable[metrics].mean(), usable[lows].min(), usable[highs].max()
    )  # fmt: skip
    records = zip(*(found.to_dict("records") for found in numbers), strict=True)
    return {
        place: _point(of_seeds, metrics, *found)
        for (place, of_seeds), found in zip(runs.items(), records, strict=True)
    }


def _usable(cells: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the cells without the numbers of unusable scores where another of their group is usable.

    Equal scores have an error, and no correlation: means of both would be over different seeds.
    """
    usable = cells["status"] == OK
    beside = cells.assign(usable=usable).groupby(list(columns), sort=False, dropna=False)["usable"]
    left_out = ~usable & beside.transform("any")
    if not left_out.any():
        return cells
    numbers = cells.select_dtypes("float").columns.difference([*columns, *PLACE])
    return cells.assign(**{name: cells[name].mask(left_out) for name in numbers})


class _Run(NamedTuple):
    dataset: str
    model: str
    attack: str
    epsilon: float
    seed: int
    status: str
    stand_in: bool
    key: str
    audit: str
    control: bool


def _point(
    runs: Sequence[_Run],
    metrics: Sequence[str],
    visibility: Mapping[Any, float],
    mean: Mapping[Any, float],
    low: Mapping[Any, float],
    high: Mapping[Any, float],
) -> Point:
    first, statuses = runs[0], [run.status for run in runs]
    return Point(
        first.dataset,
        first.model,
        first.attack,
        first.epsilon,
        seeds=tuple(sorted(run.seed for run in runs)),
        stand_in=any(run.stand_in for run in runs),
        status=OK if OK in statuses else statuses[0],
        measures={name: Measure(mean[name], low[f"{name}_low"], high[f"{name}_high"]) for name in metrics},
        spread={name: (low[name], high[name]) for name in metrics},
        visibility=visibility,
        usable=statuses.count(OK),
        cells=tuple(run.key for run in runs),
        audit=verdict(run.audit for run in runs),
        control=all(run.control for run in runs),
    )
