"""The first table: SROCC without attack, and in the worst case of the intervals that `auto` finds."""

import math
from collections.abc import Iterator, Sequence

from ....bench.core.text import NOT_RUN, capitalised, number
from ....bench.store.results import verdict
from ...catalogue import AUTO, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import DIGITS, EPSILON, Entry, marked, metric_cells
from ..selection import Content, Point
from ..table import Block, Cell, Column, Group, Label, Row, Table

WORST, WIDTH = "worst_srocc", "median_width"


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where `auto` found no worst case."""
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
            Group((Column("Audit", "text"),)),
        ),
        blocks=tuple(
            _block([point for point in points if point.dataset == dataset], epsilons, strength)
            for dataset in ordered("dataset", (point.dataset for point in attacked))
        ),
    )


def _block(points: Sequence[Point], epsilons: Sequence[float], strength: float) -> Block:
    found = {(point.model, point.epsilon): point for point in points}
    models = ordered("model", (model for model, epsilon in found if epsilon))
    dataset, stand_in = points[0].dataset, any(point.stand_in for point in points)

    def column(metric: str, epsilon: float) -> list[Cell]:
        attack = AUTO if epsilon else "none"
        entries = [
            Entry(found.get((model, epsilon)), dataset, model, attack, epsilon, stand_in) for model in models
        ]
        return [cell for (cell,) in metric_cells(entries, (metric,))]

    clean, widths = column("srocc", 0.0), column(WIDTH, strength)
    worst = zip(*(column(WORST, epsilon) for epsilon in epsilons), strict=True)
    rows = [
        Row(
            Label(model_name(model)),
            ((before,), under, (_drop(found, model, strength), width), (_verdict(points, model),)),
        )
        for model, before, under, width in zip(models, clean, worst, widths, strict=True)
    ]
    return Block(tuple(rows), Label(dataset_name(dataset), stand_in))


def _drop(found: dict[tuple[str, float], Point], model: str, strength: float) -> Cell:
    """Return how far SROCC falls from clean images to the worst case."""
    clean, attacked = found.get((model, 0.0)), found.get((model, strength))
    if clean is None or attacked is None:
        return Cell(NOT_RUN, "absent")
    drop = clean.measures["srocc"].value - attacked.measures[WORST].value
    return Cell(marked(number(drop, DIGITS), attacked))


def _verdict(points: Sequence[Point], model: str) -> Cell:
    """Return the audit's verdict on a model: `doubtful` if it is at one of the strengths."""
    found = verdict(point.audit for point in points if point.model == model)
    return Cell(found, "flag" if found == "doubtful" else "text") if found else Cell(NOT_RUN, "absent")
