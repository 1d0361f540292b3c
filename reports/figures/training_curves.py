"""How a training went: each loss term by epoch, as a CSV file and as a plot of the same numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...bench.core.files import write_text
from .drawing import figure_style, write_drawing
from .palette import INK, styles

GAME = {"sufficiency": r"SF: $\|y_c - y\|^2$", "necessity": r"NC: $-\|y_s - y\|^2$"}
_LOOKS = styles(["sat", "denoise", "cprl", "lwta"])
_COLOURS = {
    "loss": INK.light,
    "natural": _LOOKS["sat"].light,
    "adversarial": _LOOKS["denoise"].light,
    "sufficiency": _LOOKS["cprl"].light,
    "necessity": _LOOKS["lwta"].light,
}


def write_training_curves(curve: Sequence[Mapping[str, float]], title: str, path: Path) -> Path:
    """Write the curves of a training: `path` with the suffix `.csv`, and with the suffix `.svg`.

    Args:
        curve: A row per epoch: `epoch`, the mean of each loss term, `learning_rate`.
        title: What was trained.
        path: Of the checkpoint.

    Returns:
        The plot.
    """
    table = pd.DataFrame(curve)
    write_text(path.with_suffix(".csv"), table.to_csv(index=False, lineterminator="\n"))
    with figure_style("training"):
        figure = draw_training_curves(table, title)
        return write_drawing(figure, path.with_suffix(".svg"))


def draw_training_curves(table: pd.DataFrame, title: str) -> Figure:
    """The regression loss and what it is made of; beside it the PNS risk's halves, where there is a game."""
    names = [name for name in table.columns if name not in ("epoch", "learning_rate")]
    game = [name for name in names if name in GAME]
    regression = [name for name in names if name not in GAME]
    figure = Figure(figsize=(9.0 if game else 4.8, 3.2), layout="constrained")
    figure.suptitle(title, fontsize=10.5)
    panels = figure.subplots(1, 2 if game else 1, squeeze=False)[0]
    _draw(panels[0], table, regression, "mean squared error")
    panels[0].set_ylim(bottom=0)
    if game:
        _draw(panels[1], table, game, "PNS risk (Eq. 12)")
    return figure


def _draw(axes: Axes, table: pd.DataFrame, names: Sequence[str], label: str) -> None:
    for name in names:
        text = GAME.get(name, name)
        axes.plot(table["epoch"], table[name], marker="o", markersize=3, color=_COLOURS.get(name), label=text)
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.locator_params(axis="x", integer=True)
    if len(names) > 1:
        axes.legend(frameon=False)
