"""Draws clean SROCC against worst-case SROCC: a point per model and defence, intervals, the Pareto front."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...catalogue import ordered
from ...figures.drawing import figure_style, new_figure, themed_element, write_drawing
from ...figures.labels import spread
from ...figures.palette import INK, MUTED, styles
from .points import Spot, Tradeoff

_NAME = "tradeoff"
_ALL_NAMED = 16  # spots: where there are more, defences off the front have no label
_HEIGHT_PER_LABEL = 0.22  # inches
_LABEL_AT = 1.04  # of the width of the axes


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
