"""The table of what others measured: the ranking that is left, with labels, and how far scores move."""

import math
from collections.abc import Iterator

import pandas as pd

from ....bench.core.text import NOT_RUN, capitalised
from ....bench.store.condition import attack_phrase
from ....bench.store.newest import newest
from ...catalogue import attack_name, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..selection import WORST, Content, Point, points_by
from ..table import Block, Cell, Column, Group, Label, Row, Table
from .unlabelled import cells_of_moves, groups_of_moves, measure_cell

_PLACE = ("dataset", "model", "attack", "epsilon")


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where all was measured here."""
    rows = content.results[content.results["measured_by"] != ""]
    if rows.empty:
        return
    cells = newest(rows, ["dataset", "model", "variant", "seed"])
    points = list(points_by(cells, _PLACE).values())
    attacked = [point for point in points if point.attack != "none"]
    clean = {(point.dataset, point.model): point for point in points if point.attack == "none"}
    sources = cells.drop_duplicates("key").set_index("key")["measured_by"]
    yield Table(
        number="E",
        title="Measured elsewhere",
        caption=wording.ELSEWHERE,
        heading="Model and attack",
        groups=(
            Group(
                (
                    Column(f"Clean {metric_name('srocc')}", "descending"),
                    Column(capitalised(metric_name(WORST)), "descending"),
                )
            ),
            *groups_of_moves(),
            Group((Column("Measured by", "text"),)),
        ),
        blocks=tuple(
            Block(
                tuple(
                    _row(point, clean.get((dataset, model)), cells, sources)
                    for model in ordered("model", (point.model for point in attacked))
                    for point in attacked
                    if (point.dataset, point.model) == (dataset, model)
                ),
                Label(dataset_name(dataset)),
            )
            for dataset in ordered("dataset", (point.dataset for point in attacked))
        ),
    )


def _row(point: Point, clean: Point | None, cells: pd.DataFrame, sources: "pd.Series[str]") -> Row:
    name = f"{model_name(point.model)}, {attack_phrase(point.attack, point.epsilon, attack_name)}"
    source = ", ".join(dict.fromkeys(sources[key] for key in point.cells))
    return Row(
        Label(name),
        (
            (_srocc(clean, "srocc"), _srocc(point, WORST)),
            *cells_of_moves(point, cells),
            (Cell(source),),
        ),
    )


def _srocc(point: Point | None, metric: str) -> Cell:
    if point is None or math.isnan(point.measures[metric].value):
        return Cell(NOT_RUN, "absent")
    return measure_cell(point, metric)
