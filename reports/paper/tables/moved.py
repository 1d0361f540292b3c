"""The table of how far `auto` moves scores, by the measures of other benchmarks."""

import math
from collections.abc import Iterator, Sequence

from ....bench.core.text import listing
from ...catalogue import AUTO, attack_name, dataset_name, model_name, ordered
from .. import wording
from ..numbers import EPSILON, Entry, metric_cells, metric_columns
from ..selection import Content, Point
from ..table import Block, Group, Label, Row, Table

MEASURES = ("r_zhang", "r_msu", "gain_up", "gain_down", "wasserstein", "energy", "median_width")


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where `auto` found no intervals."""
    attacked = [
        point
        for point in content.selection.points
        if point.attack == AUTO and not math.isnan(point.measures["r_msu"].value)
    ]
    if not attacked:
        return
    datasets = ordered("dataset", (point.dataset for point in attacked))
    blocks = [_at_one_strength([point for point in attacked if point.dataset == name]) for name in datasets]
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
    found = {point.model: point for point in points}
    models = ordered("model", found)
    entries = [
        Entry(found[model], found[model].dataset, model, AUTO, found[model].epsilon, found[model].stand_in)
        for model in models
    ]
    rows = zip(models, metric_cells(entries, MEASURES), strict=True)
    stand_in = any(point.stand_in for point in points)
    return Block(
        tuple(Row(Label(model_name(model)), (cells,)) for model, cells in rows),
        Label(dataset_name(points[0].dataset), stand_in),
        f"ε = {points[0].epsilon:g}/255" if told else "",
    )
