"""Draw how a training went: each loss term by epoch, as a CSV file and as a plot of the same numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...bench.core.errors import UserError
from ...bench.core.files import regular, write_text
from ...bench.core.integrity import without_checksum
from .drawing import figure_style, write_drawing
from .palette import INK, styles

PNS_RISK = {"sufficiency": r"SF: $\|y_c - y\|^2$", "necessity": r"NC: $-\|y_s - y\|^2$"}
_LOOKS = styles(["sat", "denoise", "cprl", "lwta"])
_COLOURS = {
    "loss": INK.light,
    "natural": _LOOKS["sat"].light,
    "adversarial": _LOOKS["denoise"].light,
    "sufficiency": _LOOKS["cprl"].light,
    "necessity": _LOOKS["lwta"].light,
}


def write_training_curves(card_path: Path) -> Path:
    """Write the curves on a checkpoint's card next to it, as `.csv` and `.svg`, and return the plot.

    The card's `curve` has a row per epoch: `epoch`, the mean of each loss term, `learning_rate`.

    Raises:
        UserError: the card is damaged.
    """
    try:
        card = without_checksum(json.loads(regular(card_path).read_text(encoding="utf-8")))
        title, table = _title(card), pd.DataFrame(card["curve"]).astype(float)
        if "epoch" not in table:
            raise ValueError("no epochs in its curve")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{card_path}: no curves of training can be drawn of this card: {error!r}") from error
    write_text(card_path.with_suffix(".csv"), table.to_csv(index=False, lineterminator="\n"))
    with figure_style("training"):
        return write_drawing(draw_training_curves(table, title), card_path.with_suffix(".svg"))


def draw_training_curves(table: pd.DataFrame, title: str) -> Figure:
    """Draw the regression loss and its terms and, where CPRL was trained, the two terms of the PNS risk."""
    names = [name for name in table.columns if name not in ("epoch", "learning_rate")]
    pns = [name for name in names if name in PNS_RISK]
    regression = [name for name in names if name not in PNS_RISK]
    figure = Figure(figsize=(9.0 if pns else 4.8, 3.2), layout="constrained")
    figure.suptitle(title, fontsize=10.5, parse_math=False)
    panels = figure.subplots(1, 2 if pns else 1, squeeze=False)[0]
    _draw(panels[0], table, regression, "mean squared error")
    panels[0].set_ylim(bottom=0)
    if pns:
        _draw(panels[1], table, pns, "PNS risk (Eq. 12)")
    return figure


def _title(card: Mapping[str, Any]) -> str:
    regime = "" if card["regime"] == "clean" else card["regime"]
    parts = (f"{card['dataset']} / {card['model']}", card["variant"], regime, f"seed {card['seed']}")
    return ", ".join(filter(None, parts))


def _draw(axes: Axes, table: pd.DataFrame, names: Sequence[str], label: str) -> None:
    for name in names:
        text = PNS_RISK.get(name, name)
        axes.plot(table["epoch"], table[name], marker="o", markersize=3, color=_COLOURS.get(name), label=text)
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.locator_params(axis="x", integer=True)
    if len(names) > 1:
        axes.legend(frameon=False)
