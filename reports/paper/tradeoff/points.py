"""Clean SROCC against worst-case SROCC as data: a panel per dataset, its points, and the Pareto front."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ....bench.statistics.metrics import Measure
from ....bench.store.newest import newest
from ...catalogue import AUTO, marked_dataset, model_name, ordered
from ..selection import REGIME, Point, points_by

PLACE = ("dataset", "model", "variant", "defence", "attack", "epsilon")


PRICES = (0.02, 0.05, 0.1)
"""Bounds of the loss of clean SROCC by a defence, between which defences count as equally costly."""


Points = dict[tuple[Any, ...], Point]


@dataclass(frozen=True)
class Spot:
    """A model, bare or behind a defence."""

    model: str  # registered name
    defence: str  # names of what images pass before; empty for a bare model
    clean: Measure  # SROCC without attack
    worst: Measure  # worst-case SROCC
    front: bool  # whether no other spot of its panel is at least as good in both and better in one

    @property
    def name(self) -> str:
        """The name in print."""
        return " + ".join(filter(None, [model_name(self.model), self.defence]))


@dataclass(frozen=True)
class Tradeoff:
    """The spots of one dataset at one epsilon, in units of 1/255: that of most spots, the least of such."""

    dataset: str
    title: str
    epsilon: float
    spots: tuple[Spot, ...]


def tradeoffs(results: pd.DataFrame) -> tuple[Tradeoff, ...]:
    """Return a panel for each dataset on which two models or defences were attacked by `auto`.

    The rows are those of `Results.frame`: behind a defence, those of attacks that go through it.
    """
    points = defended_points(results)
    return tuple(
        panel
        for dataset in ordered("dataset", (point.dataset for point in points.values()))
        for panel in _panels(dataset, points)
    )


def defended_points(rows: pd.DataFrame) -> Points:
    """Return the points of models with clean training, bare and defended, by `PLACE`, of the newest cells."""
    chosen = rows[(rows["regime"] == REGIME) & rows["attack"].isin(["none", AUTO])]
    if chosen.empty:
        return {}
    return points_by(newest(chosen, ["dataset", "model", "variant", "seed"]), PLACE)


def price(bare: float, clean: float) -> int:
    """Return how many of `PRICES` the loss from a bare model's clean SROCC to a defended one's exceeds."""
    return sum(not bare - clean <= bound + 1e-9 for bound in PRICES)  # NaN exceeds all


def trained_as(variant: str) -> str:
    """Return what a variant says besides a defence: the point of a grid; empty for a model's own table."""
    return ", ".join(part for part in variant.split(", ") if part and not part.startswith("defence="))


def front(pairs: Sequence[tuple[float, float]]) -> list[bool]:
    """Return for each pair whether no other is at least as high in both numbers and higher in one."""
    return [not any(x >= own[0] and y >= own[1] and (x, y) != own for x, y in pairs) for own in pairs]


def _panels(dataset: str, points: Points) -> Iterator[Tradeoff]:
    here = {place[1:]: point for place, point in points.items() if place[0] == dataset}
    attacked = {
        place: point
        for place, point in here.items()
        if point.attack == AUTO and point.worst_case and not trained_as(place[1])
    }
    spots = defaultdict(list)
    for place, point in attacked.items():
        clean = here.get((*place[:3], "none", 0.0))
        if clean and not math.isnan(clean.measures["srocc"].value):
            spots[point.epsilon].append((point.model, place[2], clean.measures["srocc"], point.srocc))
    epsilon, found = max(spots.items(), key=lambda one: (len(one[1]), -one[0]), default=(0.0, []))
    if len(found) < 2:
        return
    best = front([(clean.value, worst.value) for _, _, clean, worst in found])
    shown = marked_dataset(dataset, any(point.stand_in for point in attacked.values()))
    yield Tradeoff(
        dataset,
        f"{shown} · ε = {epsilon:g}/255",
        epsilon,
        tuple(Spot(*spot, on_front) for spot, on_front in zip(found, best, strict=True)),
    )
