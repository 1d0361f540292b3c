"""The first table: how well models rank clean images, what `auto` leaves of it, and at what cost."""

import json
import math
from collections.abc import Iterator, Sequence

import pandas as pd

from ....bench.core.text import NOT_RUN, capitalised, number
from ...catalogue import AUTO, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import EPSILON, Entry, column_of, verdict_cell
from ..points import WORST, Point, by
from ..selection import Selection
from ..table import Block, Cell, Column, Group, Label, Table, rows_of

DROP, WIDTH = "worst_drop", "median_width"


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where `auto` found no worst case."""
    cells = selection.cells
    points = [point for point in selection.points if point.attack in ("none", AUTO)]
    attacked = [point for point in points if point.attack == AUTO]
    if not any(point.worst_case for point in attacked):
        return
    here = by("dataset", points)
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
            Group.of([f"Clean {metric_name('srocc')}"], "descending"),
            Group.of(
                [f"ε = {epsilon:g}/255" for epsilon in epsilons],
                "descending",
                capitalised(metric_name(WORST)),
            ),
            Group.of([f"{what} at {strength:g}/255" for what in ("Drop", "Median width")], "ascending"),
            Group((Column("Audit", "text"), Column("Seconds an image", "ascending"))),
        ),
        blocks=tuple(_block(here[name], epsilons, strength, cells) for name in by("dataset", attacked)),
    )


def _block(points: Sequence[Point], epsilons: Sequence[float], strength: float, cells: pd.DataFrame) -> Block:
    found = {(point.model, point.epsilon): point for point in points}
    models = by("model", (point for point in points if point.epsilon))
    dataset, stand_in = points[0].dataset, any(point.stand_in for point in points)

    def column(metric: str, epsilon: float) -> list[Cell]:
        attack = AUTO if epsilon else "none"
        entries = [
            Entry(found.get((model, epsilon)), dataset, model, attack, epsilon, stand_in) for model in models
        ]
        return column_of(entries, metric)

    audits = {model: [point.audit for point in found] for model, found in by("model", points).items()}
    columns = (
        [column("srocc", 0.0)],
        [column(WORST, epsilon) for epsilon in epsilons],
        [column(DROP, strength), column(WIDTH, strength)],
        [
            [verdict_cell(audits[model]) for model in models],
            [_cost(cells, dataset, model) for model in models],
        ],
    )
    return Block(rows_of(map(model_name, models), columns), Label(dataset_name(dataset), stand_in))


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
