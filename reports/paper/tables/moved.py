"""The table of how far `auto` moves scores, by the measures of other benchmarks."""

import math
from collections.abc import Iterator, Sequence

from ....bench.core.text import listing
from ...catalogue import AUTO, attack_name, dataset_name, model_name
from .. import wording
from ..numbers import EPSILON, Entry, metric_cells, metric_columns
from ..points import Point, by
from ..selection import Selection
from ..table import Block, Group, Label, Row, Table

MEASURES = ("r_zhang", "r_msu", "gain_up", "gain_down", "wasserstein", "energy", "median_width")


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where `auto` found no intervals."""
    attacked = [
        point
        for point in selection.points
        if point.attack == AUTO and not math.isnan(point.measures["r_msu"].value)
    ]
    if not attacked:
        return
    blocks = [_at_one_strength(found) for found in by("dataset", attacked).values()]
    shown = [point for block in blocks for point in block]
    strengths = sorted({point.epsilon for point in shown})
    where = listing([f"{strength:g}/255" for strength in strengths])
    yield Table(
        number="R",
        title=f"How far {attack_name(AUTO)} moves scores at {where}, with clean training",
        caption=wording.caption(
            wording.MOVED,
            wording.doubted(point.audit for point in shown),
            wording.several_seeds(seed for point in shown for seed in point.seeds),
            wording.stand_ins(point.dataset for point in shown if point.stand_in),
        ),
        heading="Model",
        groups=(Group(metric_columns(MEASURES)),),
        blocks=tuple(_block(points, told=len(strengths) > 1) for points in blocks),
    )


def _at_one_strength(points: Sequence[Point]) -> list[Point]:
    """Return the points at the strength of the tables, or at the smallest where there are none."""
    strengths = {point.epsilon for point in points}
    strength = EPSILON if EPSILON in strengths else min(strengths)
    return [point for point in points if point.epsilon == strength]


def _block(points: Sequence[Point], *, told: bool) -> Block:
    dataset, epsilon, stand_in = points[0].dataset, points[0].epsilon, any(p.stand_in for p in points)
    of_models = [point for (point,) in by("model", points).values()]
    entries = [Entry(p, dataset, p.model, AUTO, epsilon, p.stand_in) for p in of_models]
    return Block(
        tuple(
            Row(Label(model_name(point.model)), (cells,))
            for point, cells in zip(of_models, metric_cells(entries, MEASURES), strict=True)
        ),
        Label(dataset_name(dataset), stand_in),
        f"ε = {epsilon:g}/255" if told else "",
    )
