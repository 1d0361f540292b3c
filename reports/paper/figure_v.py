"""Draws attacks at equal visibility: SROCC and width of intervals over PSNR and SSIM, a curve per attack."""

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...bench.statistics.visibility import KINDS
from ..catalogue import Style, catalogue, ordered
from ..figures.drawing import figure_style, themed_element
from ..figures.palette import MUTED
from .visibility import AttackCurve, VisibilityPanel

_LABELS = {
    "psnr": "median PSNR in dB (more visible to the right)",
    "ssim": "median SSIM (more visible to the right)",
    "srocc": "SROCC (of the worst case\nwhere there is one)",
    "width": "median width\nof the intervals",
}
_AXES = (3.7, 2.2)  # inches of one pair of axes
_LEFT, _LABEL_BELOW, _LEGEND_ROW = 0.9, 0.55, 0.22  # inches, of the labels at the left and below
_LEGEND_COLUMNS = 4


def draw_visibility(panel: VisibilityPanel, looks: Mapping[str, Style]) -> Figure:
    """Draw one panel: a row of axes for SROCC and one for widths, a column each for PSNR and SSIM.

    Rows and columns of which nothing is known are left out. Each curve is a line whose `gid` is the attack's
    name; a thin line is the SROCC without attack.
    """
    quantities = [name for name in ("srocc", "width") if any(panel.shows(kind, name) for kind in KINDS)]
    kinds = [kind for kind in KINDS if any(panel.shows(kind, name) for name in quantities)]
    below = _LABEL_BELOW + _LEGEND_ROW * math.ceil(len(panel.curves) / _LEGEND_COLUMNS)
    width = _LEFT + _AXES[0] * len(kinds)
    height = below + _AXES[1] * len(quantities)
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    # With margins that are known a figure takes half the time that it takes with a constrained layout.
    figure.subplots_adjust(_LEFT / width, below / height, 0.99, 0.98, wspace=0.06, hspace=0.1)
    rows = figure.subplots(len(quantities), len(kinds), squeeze=False, sharex="col", sharey="row")
    for quantity, row in zip(quantities, rows, strict=True):
        for kind, axes in zip(kinds, row, strict=True):
            _draw(axes, panel, kind, quantity, looks)
            axes.label_outer()
    handles = {line.get_label(): line for axes in rows.flat for line in axes.lines if line.get_gid()}
    figure.legend(handles.values(), handles, loc="lower center", ncols=_LEGEND_COLUMNS, frameon=False)
    return figure


def visibility_svg(panel: VisibilityPanel, panels: Sequence[VisibilityPanel]) -> str:
    """Return one panel as an SVG element for HTML, in colours that follow light and dark."""
    with figure_style("visibility"), mpl.rc_context({"svg.fonttype": "none"}):
        figure = draw_visibility(panel, attack_looks(panels))
        return themed_element(figure, f"visibility{panels.index(panel)}")


def attack_looks(panels: Sequence[VisibilityPanel]) -> dict[str, Style]:
    """Return a style for each attack of some panels: those of models, in turn."""
    spare = [*catalogue().models.values(), *catalogue().others]
    names = ordered("attack", (curve.attack for panel in panels for curve in panel.curves))
    return {name: spare[place % len(spare)] for place, name in enumerate(names)}


def _draw(axes: Axes, panel: VisibilityPanel, kind: str, quantity: str, looks: Mapping[str, Style]) -> None:
    for curve in panel.curves:
        _draw_curve(axes, curve, kind, quantity, looks[curve.attack])
    if quantity == "srocc" and np.isfinite(panel.clean):
        axes.axhline(panel.clean, color=MUTED.light, linewidth=0.8, linestyle=":", zorder=1)
    axes.xaxis.set_inverted(True)
    axes.set_xlabel(_LABELS[kind])
    axes.set_ylabel(_LABELS[quantity])


def _draw_curve(axes: Axes, curve: AttackCurve, kind: str, quantity: str, look: Style) -> None:
    measures = [getattr(spot, quantity) for spot in curve.spots]
    places = [spot.visibility[kind] for spot in curve.spots]
    if not np.isfinite([[m.value, place] for m, place in zip(measures, places, strict=True)]).all(1).any():
        return
    axes.plot(
        places,
        [measure.value for measure in measures],
        color=look.light,
        marker=look.marker,
        linewidth=1.6,
        markersize=4.5,
        markeredgewidth=0,
        label=_plain(curve.name),
        gid=curve.attack,
        zorder=3,
    )
    axes.fill_between(
        places,
        [m.low for m in measures],
        [m.high for m in measures],
        color=look.light,
        alpha=0.13,
        linewidth=0,
    )


def _plain(name: str) -> str:
    """Return a name that a legend neither takes for mathematics nor leaves out."""
    return f"{' ' * name.startswith('_')}{name}".replace("$", r"\$")
