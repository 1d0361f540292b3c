"""The first table: SROCC without attack, and in the worst case of the intervals that `auto` finds."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ....bench.core.text import NOT_RUN, number
from ....bench.statistics.metrics import OK
from ...catalogue import dataset_name, metric_name, model_name, ordered
from .. import wording
from ..content import Content
from ..numbers import DIGITS, EPSILON, Entry, metric_cells
from ..selection import Point
from ..table import Block, Cell, Column, Group, Label, Row, Table

ATTACK = "auto"
WORST = "worst_srocc"
WIDTH = "median_width"
_WIDTH_DIGITS = 3


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where no model was attacked by `auto`."""
    cells, points = content.selection.cells, content.selection.points
    attacked = [point for point in points if point.attack == ATTACK]
    if not attacked or WORST not in attacked[0].measures:
        return
    epsilons = sorted({point.epsilon for point in attacked})
    strength = EPSILON if EPSILON in epsilons else epsilons[0]
    widths = cells.set_index("key")[WIDTH] if WIDTH in cells else pd.Series(dtype=float)
    blocks = [
        _block(dataset, [point for point in points if point.dataset == dataset], epsilons, strength, widths)
        for dataset in ordered("dataset", (point.dataset for point in attacked))
    ]
    at = f"at {strength:g}/255"
    yield Table(
        number="0",
        title="Worst-case SROCC, with clean training",
        caption=wording.caption(
            wording.ROBUSTNESS,
            wording.several_seeds(cells.loc[cells["attack"] == ATTACK, "seed"]),
            wording.stand_ins(point.dataset for point in attacked if point.stand_in),
        ),
        heading="Model",
        groups=(
            Group((Column(f"Clean {metric_name('srocc')}", "descending"),)),
            Group(
                tuple(Column(f"ε = {epsilon:g}/255", "descending") for epsilon in epsilons),
                Label(metric_name(WORST)),
            ),
            Group((Column(f"Drop {at}", "ascending"), Column(f"Median width {at}", "ascending"))),
        ),
        blocks=tuple(blocks),
    )


def _block(
    dataset: str,
    points: Sequence[Point],
    epsilons: Sequence[float],
    strength: float,
    widths: "pd.Series[float]",
) -> Block:
    found = {(point.model, point.epsilon): point for point in points if point.attack in ("none", ATTACK)}
    models = ordered("model", (model for model, epsilon in found if epsilon))
    stand_in = any(point.stand_in for point in points)
    clean, *worst = (
        metric_cells(
            [
                Entry(
                    found.get((model, epsilon)),
                    dataset,
                    model,
                    ATTACK if epsilon else "none",
                    epsilon,
                    stand_in,
                )
                for model in models
            ],
            (WORST if epsilon else "srocc",),
        )
        for epsilon in (0.0, *epsilons)
    )
    rows = [
        Row(
            Label(model_name(model)),
            (
                clean[place],
                tuple(cell for column in worst for cell in column[place]),
                _change(found.get((model, 0.0)), found.get((model, strength)), widths),
            ),
        )
        for place, model in enumerate(models)
    ]
    return Block(tuple(rows), Label(dataset_name(dataset), stand_in))


def _change(clean: Point | None, attacked: Point | None, widths: "pd.Series[float]") -> tuple[Cell, Cell]:
    """Return how far SROCC falls, and the median width of the intervals of scores."""
    if attacked is None or attacked.status != OK:
        return Cell(NOT_RUN, "absent"), Cell(NOT_RUN, "absent")
    width = widths.reindex(list(attacked.cells)).mean()
    drop = clean.measures["srocc"].value - attacked.measures[WORST].value if clean else float("nan")
    return Cell(number(drop, DIGITS)), Cell(number(width, _WIDTH_DIGITS))
