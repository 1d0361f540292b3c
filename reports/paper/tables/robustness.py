"""The first table: how well models rank clean images, what `auto` leaves of it, and at what cost."""

import json
import math
from collections.abc import Iterator, Sequence

import pandas as pd

from ....bench.core.text import NOT_RUN, capitalised, number
from ...catalogue import AUTO, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import EPSILON, Entry, metric_cells, verdict_cell
from ..selection import WORST, Content, Point
from ..table import Block, Cell, Column, Group, Label, Row, Table

DROP, WIDTH = "worst_drop", "median_width"


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where `auto` found no worst case."""
    cells = content.selection.cells
    points = [point for point in content.selection.points if point.attack in ("none", AUTO)]
    attacked = [point for point in points if point.attack == AUTO]
    if all(math.isnan(point.measures[WORST].value) for point in attacked):
        return
    epsilons = sorted({point.epsilon for point in attacked})
    strength = EPSILON if EPSILON in epsilons else epsilons[0]
    yield Table(
        number="0",
        title="Worst-case SROCC, with clean training",
        caption=wording.caption(
            wording.ROBUSTNESS,
            wording.doubted(point.audit for point in attacked),
            wording.several_seeds(seed for point in attacked for seed in point.seeds),
            wording.run_with(AUTO, cells.loc[cells["attack"] == AUTO, "attack_params"]),
            wording.quick_on_random(_searched_too_little(cells)),
            wording.stand_ins(point.dataset for point in attacked if point.stand_in),
        ),
        heading="Model",
        groups=(
            Group((Column(f"Clean {metric_name('srocc')}", "descending"),)),
            Group(
                tuple(Column(f"ε = {epsilon:g}/255", "descending") for epsilon in epsilons),
                Label(capitalised(metric_name(WORST))),
            ),
            Group(
                tuple(Column(f"{what} at {strength:g}/255", "ascending") for what in ("Drop", "Median width"))
            ),
            Group((Column("Audit", "text"), Column("Seconds an image", "ascending"))),
        ),
        blocks=tuple(
            _block([point for point in points if point.dataset == dataset], epsilons, strength, cells)
            for dataset in ordered("dataset", (point.dataset for point in attacked))
        ),
    )


def _block(points: Sequence[Point], epsilons: Sequence[float], strength: float, cells: pd.DataFrame) -> Block:
    found = {(point.model, point.epsilon): point for point in points}
    models = ordered("model", (model for model, epsilon in found if epsilon))
    dataset, stand_in = points[0].dataset, any(point.stand_in for point in points)

    def column(metric: str, epsilon: float) -> list[Cell]:
        attack = AUTO if epsilon else "none"
        entries = [
            Entry(found.get((model, epsilon)), dataset, model, attack, epsilon, stand_in) for model in models
        ]
        return [cell for (cell,) in metric_cells(entries, (metric,))]

    clean, drops, widths = column("srocc", 0.0), column(DROP, strength), column(WIDTH, strength)
    worst = zip(*(column(WORST, epsilon) for epsilon in epsilons), strict=True)
    rows = []
    for model, before, under, drop, width in zip(models, clean, worst, drops, widths, strict=True):
        judged = verdict_cell(point.audit for point in points if point.model == model)
        of_groups = ((before,), under, (drop, width), (judged, _cost(cells, dataset, model)))
        rows.append(Row(Label(model_name(model)), of_groups))
    return Block(tuple(rows), Label(dataset_name(dataset), stand_in))


def _searched_too_little(cells: pd.DataFrame) -> list[str]:
    """Return the random models, whose scores depend on the batch size, under `auto` with the budget quick."""
    random = cells[(cells["attack"] == AUTO) & cells["batch_size"].notna()]
    quick = [json.loads(params).get("budget") == "quick" for params in random["attack_params"]]
    return ordered("model", random.loc[quick, "model"])


def _cost(cells: pd.DataFrame, dataset: str, model: str) -> Cell:
    """Return the time that the search took for an image, within all strengths together.

    Strengths that were searched in one go have its time in each of their cells.
    """
    of_model = (cells["dataset"] == dataset) & (cells["model"] == model) & (cells["attack"] == AUTO)
    runs = cells[of_model].drop_duplicates(["seed", "created", "seconds"])
    seconds = (runs["seconds"] / runs["n"]).groupby(runs["seed"]).sum(min_count=1).mean()
    return Cell(NOT_RUN, "absent") if math.isnan(seconds) else Cell(number(seconds, 2))
