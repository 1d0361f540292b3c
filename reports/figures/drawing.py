"""Fonts, lines and grid of all figures, and files of which equal figures have equal bytes."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...bench.core.files import replacing
from ...bench.statistics.metrics import Measure
from ..catalogue import Style
from .palette import GRID, INK, MUTED, themed

_UNDATED: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


@contextmanager
def figure_style(name: str) -> Iterator[None]:
    """Set the look of the figure of a name, which is in the identifiers of an SVG, inside the context."""
    settings: dict[Any, Any] = {
        "font.size": 9.5,
        "axes.titlesize": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID.light,
        "grid.linewidth": 0.8,
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED.light),
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK.light),
        "svg.fonttype": "path",
        "svg.hashsalt": name,
        "pdf.fonttype": 42,
    }
    with mpl.style.context(["default", settings]), warnings.catch_warnings():
        # A name of the user's may be in any script, and of any length.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that lays itself out when it is drawn."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_band(
    axes: Axes, places: Sequence[float], measures: Sequence[Measure], look: Style, **line: Any
) -> None:
    """Draw measures at their places as a line with markers, in a band of their intervals."""
    lows, highs = [measure.low for measure in measures], [measure.high for measure in measures]
    axes.fill_between(places, lows, highs, color=look.light, alpha=0.13, linewidth=0)
    axes.plot(
        places,
        [measure.value for measure in measures],
        color=look.light,
        marker=look.marker,
        markersize=4.5,
        markeredgewidth=0,
        zorder=3,
        **line,
    )


def spread(heights: Sequence[float], gap: float, limits: tuple[float, float]) -> list[float]:
    """Return ascending heights of labels moved apart to at least `gap`, by little in least squares.

    Isotonic regression of the heights less their share of gaps, by its minimax formula.
    """
    steps = gap * np.arange(len(heights))
    shifted = np.asarray(heights) - steps
    count = range(len(heights))
    apart = steps + [
        max(min(shifted[i : j + 1].mean() for j in count[k:]) for i in count[: k + 1]) for k in count
    ]
    overflow = max(0.0, apart[-1] - limits[1]) if len(heights) else 0.0
    return [float(height) for height in apart - overflow]


def write_drawing(figure: Figure, path: Path) -> Path:
    """Write a figure as a PNG, SVG or PDF file, by the path's suffix. Call it inside `figure_style`."""
    form = path.suffix.removeprefix(".").lower()
    drawn = io.BytesIO()  # matplotlib hides the error of a full disk behind one of its own
    figure.savefig(drawn, format=form, dpi=200, facecolor="white", metadata=_UNDATED[form])
    with replacing(path) as temporary:
        temporary.write_bytes(drawn.getvalue())
    return path


def drawn_svg(figure: Figure, **options: Any) -> str:
    """Return a figure as the text of an SVG file. Call it inside `figure_style`."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=_UNDATED["svg"], **options)
    return text.getvalue()


def themed_element(figure: Figure, prefix: str) -> str:
    """Return a figure as an element of a page, in colours and a font that follow the page's.

    Call it inside `figure_style`. The prefix begins all identifiers.
    """
    with mpl.rc_context({"svg.fonttype": "none"}):
        element = as_element(drawn_svg(figure, transparent=True), prefix)
    element = re.sub(r"(font: [^;]*?px) [^;\"]+", r"\1 var(--font, sans-serif)", element)
    for colour, (variable, _) in themed().items():
        element = element.replace(colour, f"var({variable}, {colour})")
    return element


def as_element(svg: str, prefix: str, label: str = "") -> str:
    """Return an SVG file that `drawn_svg` made as an element of a page, which sizes it.

    The prefix begins all identifiers, so that several fit on a page; the label says what the picture shows.
    """
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", "", element, flags=re.DOTALL)
    element = re.sub(r'\s(width|height)="[\d.]+pt"', "", element, count=2)
    element = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", element)
    return element.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1) if label else element
