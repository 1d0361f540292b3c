"""Draws attacks at equal visibility: SROCC and width of intervals over PSNR and SSIM, a curve per attack."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..catalogue import Style, catalogue, ordered
from ..figures.drawing import figure_style, themed_element
from ..figures.palette import MUTED
from .visibility import PLACES, QUANTITIES, STRENGTH, AttackCurve, VisibilityPanel

_LABELS = {
    "epsilon": "ε, in units of 1/255\n(more visible to the right)",
    "psnr": "median PSNR in dB\n(more visible to the right)",
    "ssim": "median SSIM\n(more visible to the right)",
    "srocc": "SROCC (worst case\nwhere there is one)",
    "width": "median width\nof the intervals",
}
_NAMES = {STRENGTH: "ε"}
_AXES = (2.6, 1.7)  # inches of one pair of axes
_LEFT, _LABEL_BELOW, _LEGEND_ROW = 0.85, 0.65, 0.22  # inches, of the labels at the left and below
_LEGEND_COLUMNS = 3


def draw_visibility(panel: VisibilityPanel, kind: str, looks: Mapping[str, Style]) -> Figure:
    """Draw one panel over ε, PSNR or SSIM: axes for SROCC and, below, for widths, unless they are empty.

    Each curve is a line whose `gid` is the attack's name; a thin line is the SROCC without attack.
    """
    quantities = [name for name in QUANTITIES if panel.shows(kind, name)]
    below = _LABEL_BELOW + _LEGEND_ROW * math.ceil(len(panel.curves) / _LEGEND_COLUMNS)
    width = _LEFT + _AXES[0]
    height = below + _AXES[1] * len(quantities)
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    # With margins that are known a figure takes half the time that it takes with a constrained layout.
    figure.subplots_adjust(_LEFT / width, below / height, 0.94, 0.98, hspace=0.1)
    rows = figure.subplots(len(quantities), squeeze=False, sharex="col")[:, 0]
    for quantity, axes in zip(quantities, rows, strict=True):
        _draw(axes, panel, kind, quantity, looks)
        axes.label_outer()
    handles = {line.get_label(): line for axes in rows for line in axes.lines if line.get_gid()}
    figure.legend(handles.values(), handles, loc="lower center", ncols=_LEGEND_COLUMNS, frameon=False)
    return figure


def visibility_svgs(panels: Sequence[VisibilityPanel]) -> Iterator[tuple[VisibilityPanel, str, str]]:
    """Yield panels, ε, PSNR or SSIM, and the SVG element for HTML, in colours that follow light and dark."""
    looks = attack_looks(panels)
    with figure_style("visibility"):
        for place, panel in enumerate(panels):
            for kind in PLACES:
                if any(panel.shows(kind, quantity) for quantity in QUANTITIES):
                    figure = draw_visibility(panel, kind, looks)
                    svg = themed_element(figure, f"visibility{place}-{kind}")
                    yield panel, _NAMES.get(kind, kind.upper()), svg


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
    axes.xaxis.set_inverted(kind != STRENGTH)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel(_LABELS[kind])
    axes.set_ylabel(_LABELS[quantity])


def _draw_curve(axes: Axes, curve: AttackCurve, kind: str, quantity: str, look: Style) -> None:
    measures = [getattr(spot, quantity) for spot in curve.spots]
    places = [spot.place(kind) for spot in curve.spots]
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
