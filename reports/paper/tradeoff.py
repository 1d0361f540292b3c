"""The price of robustness: clean SROCC against worst-case SROCC, a point per model and defence."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...bench.statistics.metrics import Measure
from ...bench.store.newest import newest
from ..catalogue import AUTO, marked_dataset, model_name, ordered
from ..figures.drawing import figure_style, new_figure, spread, themed_element, write_drawing
from ..figures.palette import INK, MUTED, styles
from .points import REGIME, Point, points_by

PLACE = ("model", "variant", "defence", "attack", "epsilon")

PRICES = (0.02, 0.05, 0.1)
"""Bounds of the loss of clean SROCC by a defence, between which defences count as equally costly."""

_NAME = "tradeoff"
_ALL_NAMED = 16  # spots: where there are more, defences off the front have no label
_HEIGHT_PER_LABEL = 0.22  # inches
_LABEL_AT = 1.04  # of the width of the axes

Points = dict[tuple[Any, ...], Point]  # by `PLACE`


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
    panels = (_panel(dataset, points) for dataset, points in defended_points(results).items())
    return tuple(panel for panel in panels if len(panel.spots) > 1)


def defended_points(rows: pd.DataFrame) -> dict[str, Points]:
    """Return the points of models with clean training, bare and defended, by dataset, of the newest cells."""
    chosen = rows[(rows["regime"] == REGIME) & rows["attack"].isin(["none", AUTO])]
    if chosen.empty:
        return {}
    cells = newest(chosen, ["dataset", "model", "variant", "seed"])
    datasets = ordered("dataset", cells["dataset"])
    return {name: points_by(cells[cells["dataset"] == name], PLACE) for name in datasets}


def price(bare: float, clean: float) -> int:
    """Return how many of `PRICES` the loss from a bare model's clean SROCC to a defended one's exceeds."""
    return sum(not bare - clean <= bound + 1e-9 for bound in PRICES)  # NaN exceeds all


def trained_as(variant: str) -> str:
    """Return what a variant says besides a defence: the point of a grid; empty for a model's own table."""
    return ", ".join(part for part in variant.split(", ") if part and not part.startswith("defence="))


def front(pairs: Sequence[tuple[float, float]]) -> list[bool]:
    """Return for each pair whether no other is at least as high in both numbers and higher in one."""
    return [not any(x >= own[0] and y >= own[1] and (x, y) != own for x, y in pairs) for own in pairs]


def write_tradeoff(panel: Tradeoff, path: Path) -> Path:
    """Write a panel as a PNG, SVG or PDF file, by the path's suffix."""
    with figure_style(_NAME):
        return write_drawing(draw_tradeoff(panel), path)


def inline_tradeoff(panel: Tradeoff, prefix: str, models: Sequence[str]) -> str:
    """Return a panel as an SVG element for HTML, in colours that follow light and dark.

    `models` are those of the page's other figures, in which they look alike.
    """
    with figure_style(_NAME):
        return themed_element(draw_tradeoff(panel, title=False, models=models), prefix)


def draw_tradeoff(panel: Tradeoff, *, title: bool = True, models: Sequence[str] = ()) -> Figure:
    """Draw a panel. Each spot is a marker of its model's look, hollow behind a defence; `gid` is its name."""
    named = _named(panel.spots)
    height = max(4.0, 0.9 + _HEIGHT_PER_LABEL * len(named))
    width = 7.2 if title else 5.6  # a page is read on phones, too
    figure = new_figure(width, height)
    axes = figure.subplots()
    further = {spot.model for spot in panel.spots}.difference(models)
    looks = styles([*ordered("model", models), *ordered("model", further)])
    for spot in panel.spots:
        look = looks[spot.model]
        x, y = spot.clean.value, spot.worst.value
        axes.hlines(y, spot.clean.low, spot.clean.high, color=look.light, linewidth=0.7, alpha=0.35)
        axes.vlines(x, spot.worst.low, spot.worst.high, color=look.light, linewidth=0.7, alpha=0.35)
        axes.plot(
            [x], [y], marker=look.marker, color=look.light, markersize=6, linestyle="none", zorder=3,
            markerfacecolor="none" if spot.defence else look.light, gid=spot.name,
        )  # fmt: skip
    _draw_front(axes, panel.spots)
    axes.axhline(0, color=MUTED.light, linewidth=0.8, zorder=1)
    axes.set(xlabel="SROCC, clean", ylabel="worst-case SROCC")
    axes.set_ylim(*axes.get_ylim())
    if title:
        axes.set_title(panel.title, loc="left", fontweight="bold", parse_math=False)
    _label(axes, named, height)
    return figure


def _panel(dataset: str, points: Points) -> Tradeoff:
    attacked = {
        place: point
        for place, point in points.items()
        if point.attack == AUTO and point.worst_case and not trained_as(place[1])
    }
    found = defaultdict(list)
    for (model, variant, defence, *_), point in attacked.items():
        clean = points.get((model, variant, defence, "none", 0.0))
        if clean and not math.isnan(clean.srocc.value):
            found[point.epsilon].append((model, defence, clean.srocc, point.srocc))
    epsilon, spots = max(found.items(), key=lambda one: (len(one[1]), -one[0]), default=(0.0, []))
    best = front([(clean.value, worst.value) for _, _, clean, worst in spots])
    shown = marked_dataset(dataset, any(point.stand_in for point in attacked.values()))
    return Tradeoff(
        dataset,
        f"{shown} · ε = {epsilon:g}/255",
        epsilon,
        tuple(Spot(*spot, on_front) for spot, on_front in zip(spots, best, strict=True)),
    )


def _draw_front(axes: Axes, spots: Sequence[Spot]) -> None:
    """Draw the front as a staircase: what lies below it is beaten in both."""
    best = sorted((spot.clean.value, spot.worst.value) for spot in spots if spot.front)
    axes.plot(
        [x for x, _ in best], [y for _, y in best], drawstyle="steps-pre", color=MUTED.light, linewidth=1.0,
        linestyle=(0, (4, 3)), zorder=1, gid="front",
    )  # fmt: skip


def _named(spots: Sequence[Spot]) -> list[Spot]:
    """Return the spots that have a label, from the lowest to the highest."""
    named = [spot for spot in spots if len(spots) <= _ALL_NAMED or spot.front or not spot.defence]
    return sorted(named, key=lambda spot: spot.worst.value)


def _label(axes: Axes, named: Sequence[Spot], height: float) -> None:
    """Write names at the right of a figure, in the order of the spots, each joined to its spot by a line."""
    limits = axes.get_ylim()
    gap = (limits[1] - limits[0]) * _HEIGHT_PER_LABEL / (height - 0.7)
    heights = spread([spot.worst.value for spot in named], gap, limits)
    right = axes.get_yaxis_transform()
    line = {
        "arrowstyle": "-", "color": MUTED.light, "linewidth": 0.5, "shrinkA": 2, "shrinkB": 0, "alpha": 0.6,
        "relpos": (0, 0.5),
    }  # fmt: skip
    for spot, at_height in zip(named, heights, strict=True):
        at = spot.clean.value, spot.worst.value
        axes.annotate(
            spot.name, at, (_LABEL_AT, at_height), textcoords=right, va="center",
            color=INK.light, fontweight="bold" if spot.front else "normal", fontsize=8.5, arrowprops=line,
            annotation_clip=False, parse_math=False,
        )  # fmt: skip
