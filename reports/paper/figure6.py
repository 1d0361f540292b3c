"""The paper's Figure 6: SROCC over epsilon, a panel per dataset and attack, a curve per model.

The SROCC of an interval attack is that of the worst case. Curves have the bands of their intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..catalogue import AUTO, Style, attack_name, marked_dataset, model_name, ordered
from ..figures.drawing import draw_band, figure_style, new_figure, spread, themed_element, write_drawing
from ..figures.palette import INK, MUTED, styles
from . import wording
from .points import Point, by

Looks = Mapping[str, Style]

_DASHES = (0, (5, 2))
_PANEL_SIZE = (4.7, 3.3)  # inches; wide enough for labels beside the curves
_HEIGHT_PER_LABEL = 0.24
_LABEL_AT = 1.035  # of the width of the axes
_TICKS_AT_EPSILONS = 0.07  # of the width: nearer than this, tick labels would touch


@dataclass(frozen=True)
class Curve:
    """Points at rising epsilons; their SROCC is NaN where the model diverged."""

    of: str  # registered name of what the curve is of
    name: str  # the same in print
    points: tuple[Point, ...]

    @property
    def epsilons(self) -> list[float]:
        """The strengths in units of 1/255."""
        return [point.epsilon for point in self.points]

    @property
    def values(self) -> list[float]:
        """SROCC at each strength."""
        return [point.srocc.value for point in self.points]


@dataclass(frozen=True)
class Panel:
    """The curves of models on one dataset under one attack, from clean images on."""

    dataset: str
    attack: str
    title: str
    curves: tuple[Curve, ...]
    worst_case: bool = False  # whether they are of the worst case
    control: bool = False  # whether the attack is a control


def rising(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return points by epsilon."""
    return tuple(sorted(points, key=lambda point: point.epsilon))


def figure6(points: Sequence[Point]) -> tuple[Panel, ...]:
    """Return the panels that a selection's points can fill, by dataset, then attack."""
    return tuple(
        _panel(here, dataset, attack)
        for dataset, here in by("dataset", points).items()
        for attack in by("attack", here)
        if attack != "none"
    )


def caption(panels: Sequence[Panel]) -> str:
    """Say how to read the panels, and which of them to believe where some are weaker."""
    has_auto = any(panel.attack == AUTO and panel.worst_case for panel in panels)
    attacks = [panel.attack for panel in panels if has_auto]
    controls = {panel.attack for panel in panels if panel.control}
    return wording.caption(wording.CURVES, wording.which_to_believe(attacks, controls))


def draw_figure6(panels: Sequence[Panel]) -> Figure:
    """Draw all panels with one scale of SROCC: a row per dataset, or two panels a row of a single one.

    Each curve is a line whose `gid` is the model's name.
    """
    places = _places(panels)
    rows, columns = (1 + max(place[axis] for place in places) for axis in (0, 1))
    width, height = _size(panels)
    figure = new_figure(width * columns, height * rows)
    looks = _looks(panels)
    for (row, column), panel in zip(places, panels, strict=True):
        axes = figure.add_subplot(rows, columns, row * columns + column + 1)
        _draw_panel(axes, panel, looks, _limits(panels))
    return figure


def write_figure6(panels: Sequence[Panel], path: Path) -> Path:
    """Write Figure 6 as a PNG, SVG or PDF file, by the path's suffix; equal panels give equal bytes."""
    with figure_style("figure6"):
        return write_drawing(draw_figure6(panels), path)


def inline_svg(panel: Panel, panels: Sequence[Panel]) -> str:
    """Return one panel as an SVG element for HTML, in colours that follow light and dark.

    It shares scale and colours with `panels`, which are all of the page.
    """
    figure = new_figure(*_size(panels))
    with figure_style("figure6"):
        _draw_panel(figure.subplots(), panel, _looks(panels), _limits(panels), title=False)
        return themed_element(figure, f"panel{panels.index(panel)}")


def _panel(points: Sequence[Point], dataset: str, attack: str) -> Panel:
    attacked = [point for point in points if point.attack == attack]
    clean = [point for point in points if point.attack == "none"]
    shown = marked_dataset(dataset, any(point.stand_in for point in points))
    worst_case = any(point.worst_case for point in attacked)
    return Panel(
        dataset,
        attack,
        f"{shown} · {attack_name(attack)}{', worst case' if worst_case else ''}",
        tuple(
            Curve(model, model_name(model), rising([*(p for p in clean if p.model == model), *found]))
            for model, found in by("model", attacked).items()
        ),
        worst_case,
        any(point.control for point in attacked),
    )


def _places(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Return (row, column) of each panel."""
    datasets = list(dict.fromkeys(panel.dataset for panel in panels))
    if len({panel.attack for panel in panels}) == 1 or (len(datasets) == 1 and len(panels) > 3):
        return [divmod(index, 2) for index in range(len(panels))]
    return [
        (datasets.index(panel.dataset), sum(before.dataset == panel.dataset for before in panels[:index]))
        for index, panel in enumerate(panels)
    ]


def _looks(panels: Sequence[Panel]) -> Looks:
    return styles(ordered("model", (curve.of for panel in panels for curve in panel.curves)))


def _draw_panel(
    axes: Axes, panel: Panel, looks: Looks, limits: tuple[float, float], *, title: bool = True
) -> None:
    for curve in panel.curves:
        look, sroccs = looks[curve.of], [point.srocc for point in curve.points]
        line = {"linestyle": _DASHES if look.dashed else "-", "linewidth": look.width, "gid": curve.of}
        draw_band(axes, curve.epsilons, sroccs, look, clip_on=False, **line)
    epsilons = sorted({epsilon for curve in panel.curves for epsilon in curve.epsilons})
    reach = epsilons[-1] or 1.0
    axes.set_xlim(-0.02 * reach, 1.02 * reach)
    axes.set_ylim(*limits)
    if min(np.diff(epsilons), default=reach) >= _TICKS_AT_EPSILONS * reach:
        axes.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.axhline(0, color=MUTED.light, linewidth=0.8, zorder=1)
    axes.set_xlabel("ε, in units of 1/255 (0: no attack)")
    axes.set_ylabel("worst-case SROCC" if panel.worst_case else "SROCC")
    if title:
        axes.set_title(panel.title, loc="left", fontweight="bold", parse_math=False)
    _label_curves(axes, panel.curves, looks, limits)


def _label_curves(axes: Axes, curves: Sequence[Curve], looks: Looks, limits: tuple[float, float]) -> None:
    """Write names at the right, in the order of the curves' ends, each joined to its end by a thin line."""
    ends = sorted((*_end(curve, limits), index) for index, curve in enumerate(curves))
    gap = (limits[1] - limits[0]) * 0.068
    heights = spread([value for value, _, _ in ends], gap, limits)
    beside = axes.get_yaxis_transform()
    for (value, epsilon, index), height in zip(ends, heights, strict=True):
        curve = curves[index]
        look = looks[curve.of]
        line = {"arrowstyle": "-", "color": look.light, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
        if np.isfinite(curve.values).any():
            axes.annotate(
                "", (epsilon, value), (_LABEL_AT, height), textcoords=beside, arrowprops=line,
                annotation_clip=False,
            )  # fmt: skip
        axes.plot(
            [_LABEL_AT], [height], color=look.light, marker=look.marker, markersize=4.5, markeredgewidth=0,
            transform=beside, clip_on=False,
        )  # fmt: skip
        text = curve.name if np.isfinite(curve.values).all() else f"{curve.name} (diverged)"
        axes.text(
            _LABEL_AT + 0.025, height, text, transform=beside, va="center", color=INK.light, parse_math=False
        )


def _end(curve: Curve, limits: tuple[float, float]) -> tuple[float, float]:
    """Return SROCC and epsilon of a curve's last defined point; the floor where there is none."""
    defined = np.flatnonzero(np.isfinite(curve.values))
    if not len(defined):
        return limits[0], curve.epsilons[-1]
    return curve.values[defined[-1]], curve.epsilons[defined[-1]]


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """Return one scale for all panels: from the lowest bound to 1, in steps of a quarter."""
    sroccs = [point.srocc for panel in panels for curve in panel.curves for point in curve.points]
    numbers = [number for srocc in sroccs for number in (srocc.low, srocc.value)]
    lowest = min([number for number in numbers if np.isfinite(number)], default=0.0)
    return max(-1.02, np.floor(4 * min(lowest, 0.0)) / 4 - 0.02), 1.02


def _size(panels: Sequence[Panel]) -> tuple[float, float]:
    labels = max(len(panel.curves) for panel in panels)
    return _PANEL_SIZE[0], max(_PANEL_SIZE[1], 0.8 + _HEIGHT_PER_LABEL * labels)
