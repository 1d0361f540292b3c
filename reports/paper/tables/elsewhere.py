"""The table of what others measured: the ranking that is left, with labels, and how far scores move."""

import math
from collections.abc import Iterator

import pandas as pd

from ....bench.core.text import NOT_RUN, capitalised, plural
from ....bench.store.newest import newest
from ...catalogue import dataset_name, metric_name, model_name
from .. import wording
from ..points import WORST, Point, conditions, grouped, points_by
from ..selection import Selection
from ..table import Cell, Group, Table
from .unlabelled import Cells, blocks_of_attacks, cells_of_moves, groups_of_moves, measure_cell

_PLACE = ("dataset", "model", "attack", "epsilon")


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where all was measured here."""
    rows = selection.results.frame[selection.results.frame["measured_by"] != ""]
    if rows.empty:
        return
    cells = newest(rows, ["dataset", "model", "variant", "seed"])
    attacked = [("", point) for point in points_by(cells, _PLACE).values() if point.attack != "none"]
    of_file = points_by(rows[rows["attack"] == "none"], ("weights", *_PLACE))
    clean = {(file, dataset, model): point for (file, dataset, model, *_), point in of_file.items()}
    by_key = cells.drop_duplicates("key").set_index("key")
    sources, files = by_key["measured_by"], by_key["weights"]

    def cells_of(point: Point) -> Cells:
        same_file = clean.get((files[point.cells[0]], point.dataset, point.model))
        sroccs = (_srocc(same_file, "srocc"), _srocc(point, WORST))
        source = ", ".join(dict.fromkeys(sources[key] for key in point.cells))
        return sroccs, *cells_of_moves(point), (Cell(source),)

    yield Table(
        number="E",
        title="Measured elsewhere",
        caption=wording.ELSEWHERE,
        heading="Model and attack",
        groups=(
            Group.of([f"Clean {metric_name('srocc')}", capitalised(metric_name(WORST))], "descending"),
            *groups_of_moves(),
            Group.of(["Measured by"], "text"),
        ),
        blocks=blocks_of_attacks(attacked, cells_of),
        notes=tuple(_not_shown(rows.drop(index=cells.index))),
    )


def _not_shown(rows: pd.DataFrame) -> Iterator[str]:
    """Say of which models and attacks there are earlier files, too."""
    attacked = rows[rows["attack"] != "none"]
    for (dataset, model, source), group in grouped(attacked, ["dataset", "model", "measured_by"]):
        are = "is" if len(group) == 1 else "are"
        yield (
            f"Of {model_name(model)} on {dataset_name(dataset)} {plural(len(group), 'cell')} measured by "
            f"{source} ({conditions(group)}) {are} not shown: of several files with one attack and ε the one "
            "that was imported last is."
        )


def _srocc(point: Point | None, metric: str) -> Cell:
    if point is None or math.isnan(point.measures[metric].value):
        return Cell(NOT_RUN, "absent")
    return measure_cell(point, metric)
