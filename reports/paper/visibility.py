"""Attacks at equal visibility: SROCC and width of intervals over PSNR and SSIM, a curve per attack."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...bench.statistics.metrics import Measure
from ...bench.statistics.visibility import KINDS
from ..catalogue import Style, attack_name, catalogue, marked_dataset, model_name, ordered
from ..figures.drawing import draw_band, figure_style, themed_element
from ..figures.palette import MUTED
from .figure6 import Curve, rising
from .points import Point, by

WIDTH = "median_width"
QUANTITIES = ("srocc", WIDTH)  # of a point: SROCC, that of the worst case where there is one, and width
STRENGTH = "epsilon"
PLACES = (STRENGTH, *KINDS)  # what a point is drawn over

_LABELS = {
    "epsilon": "ε, in units of 1/255\n(more visible to the right)",
    "psnr": "median PSNR in dB\n(more visible to the right)",
    "ssim": "median SSIM\n(more visible to the right)",
    "srocc": "SROCC (worst case\nwhere there is one)",
    WIDTH: "median width\nof the intervals",
}
_NAMES = {STRENGTH: "ε"}
_AXES = (2.6, 1.7)  # inches of one pair of axes
_LEFT, _LABEL_BELOW, _LEGEND_ROW = 0.85, 0.65, 0.22  # inches, of the labels at the left and below
_LEGEND_COLUMNS = 3


@dataclass(frozen=True)
class VisibilityPanel:
    """The curves of one model on one dataset, each of an attack."""

    dataset: str
    model: str
    title: str
    clean: float  # SROCC without attack; NaN without labels
    curves: tuple[Curve, ...]

    def shows(self, kind: str, quantity: str) -> bool:
        """Return whether some point has both a place of a kind and `srocc` or the median width."""
        return any(is_known(point, kind, quantity) for curve in self.curves for point in curve.points)


def place_of(point: Point, kind: str) -> float:
    """Return epsilon, PSNR or SSIM."""
    return point.epsilon if kind == STRENGTH else point.visibility[kind]


def measure_of(point: Point, quantity: str) -> Measure:
    """Return one of `QUANTITIES`."""
    return point.srocc if quantity == "srocc" else point.measures[quantity]


def is_known(point: Point, kind: str, quantity: str) -> bool:
    """Return whether a point has both a place of a kind and a quantity."""
    return math.isfinite(place_of(point, kind)) and math.isfinite(measure_of(point, quantity).value)


def visibility_panels(points: Iterable[Point]) -> tuple[VisibilityPanel, ...]:
    """Return a panel for each dataset and model with points whose PSNR or SSIM is known."""
    return tuple(
        panel
        for panel in _panels(points)
        if any(panel.shows(kind, quantity) for kind in KINDS for quantity in QUANTITIES)
    )


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
    names = ordered("attack", (curve.of for panel in panels for curve in panel.curves))
    return {name: spare[place % len(spare)] for place, name in enumerate(names)}


def _panels(points: Iterable[Point]) -> Iterator[VisibilityPanel]:
    for dataset, here in by("dataset", points).items():
        shown = marked_dataset(dataset, any(point.stand_in for point in here))
        for model, mine in by("model", here).items():
            attacks = by("attack", mine)
            clean = [point.measures["srocc"].value for point in attacks.pop("none", [])]
            yield VisibilityPanel(
                dataset,
                model,
                f"{shown} · {model_name(model)}",
                clean[0] if clean else math.nan,
                tuple(Curve(name, attack_name(name), rising(along)) for name, along in attacks.items()),
            )


def _draw(axes: Axes, panel: VisibilityPanel, kind: str, quantity: str, looks: Mapping[str, Style]) -> None:
    for curve in panel.curves:
        if any(is_known(point, kind, quantity) for point in curve.points):
            places = [place_of(point, kind) for point in curve.points]
            measures = [measure_of(point, quantity) for point in curve.points]
            name = _plain(curve.name)
            draw_band(axes, places, measures, looks[curve.of], linewidth=1.6, label=name, gid=curve.of)
    if quantity == "srocc" and math.isfinite(panel.clean):
        axes.axhline(panel.clean, color=MUTED.light, linewidth=0.8, linestyle=":", zorder=1)
    axes.xaxis.set_inverted(kind != STRENGTH)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel(_LABELS[kind])
    axes.set_ylabel(_LABELS[quantity])


def _plain(name: str) -> str:
    """Return a name that a legend neither takes for mathematics nor leaves out."""
    return f"{' ' * name.startswith('_')}{name}".replace("$", r"\$")
