"""The table of defences: the worst case found without knowledge of a defence, and that found through it."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from ....bench.core.text import capitalised, listing
from ....bench.statistics.metrics import NO_LABELS
from ...catalogue import AUTO, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import Entry, metric_cells, verdict_cell
from ..selection import REGIME, WORST, Content, not_newest
from ..table import Block, Cell, Column, Group, Label, Row, Table
from ..tradeoff.points import PRICES, Points, defended_points, price, trained_as

_Line = tuple[str, str, str]  # model, variant, defence


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where no defence was attacked by `auto`."""
    adaptive, static = (
        defended_points(frame[frame["status"] != NO_LABELS]) for frame in (content.results, content.static)
    )
    defended = [point for place, point in adaptive.items() if place[3] and point.attack == AUTO]
    if not defended:
        return
    epsilons = sorted({point.epsilon for point in defended})
    datasets = ordered("dataset", (point.dataset for point in defended))
    yield Table(
        number="D",
        title="Defences, with clean training",
        caption=wording.caption(
            wording.DEFENCES.format(prices=listing([f"{bound:g}" for bound in PRICES])),
            wording.doubted(point.audit for point in defended),
            wording.several_seeds(seed for point in defended for seed in point.seeds),
            wording.stand_ins(point.dataset for point in defended if point.stand_in),
        ),
        heading="Model and defence",
        groups=(
            Group((Column(f"Clean {metric_name('srocc')}", "descending"),)),
            *(
                Group(
                    tuple(Column(f"ε = {epsilon:g}/255", "descending") for epsilon in epsilons),
                    Label(f"{capitalised(metric_name(WORST))}, {knowledge}"),
                )
                for knowledge in ("static", "adaptive")
            ),
            Group((Column("Audit", "text"),)),
        ),
        blocks=tuple(_block(name, adaptive, static, epsilons) for name in datasets),
        notes=tuple(not_newest(_behind(content.results))),
    )


def _behind(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models behind a defence that the table is of."""
    shown = (results["status"] != NO_LABELS) & results["attack"].isin(["none", AUTO])
    return results[shown & (results["defence"] != "") & (results["regime"] == REGIME)]


def _block(dataset: str, adaptive: Points, static: Points, epsilons: Sequence[float]) -> Block:
    here = {place: point for place, point in adaptive.items() if place[0] == dataset}
    attacked = [point.epsilon for place, point in here.items() if place[3] and point.attack == AUTO]
    lines = _lines(dataset, here, min(attacked))
    stand_in = any(point.stand_in for point in here.values())

    def column(points: Points, epsilon: float) -> list[Cell]:
        attack = AUTO if epsilon else "none"
        found = [points.get((dataset, *line, attack, epsilon)) for line in lines]
        entries = [
            Entry(point, dataset, line[0], attack, epsilon, stand_in, line[1])
            for point, line in zip(found, lines, strict=True)
        ]
        return [cell for (cell,) in metric_cells(entries, (WORST if epsilon else "srocc",))]

    clean = column(adaptive, 0.0)
    without, through = (
        list(zip(*(column(points, epsilon) for epsilon in epsilons), strict=True))
        for points in (static, adaptive)
    )
    rows = []
    for line, before, unaware, aware in zip(lines, clean, without, through, strict=True):
        audits = (point.audit for place, point in here.items() if place[:4] == (dataset, *line))
        rows.append(Row(Label(_name(line)), ((before,), unaware, aware, (verdict_cell(audits),))))
    return Block(tuple(rows), Label(dataset_name(dataset), stand_in))


def _lines(dataset: str, points: Points, epsilon: float) -> list[_Line]:
    """Return model, variant and defence of each row: models that have a defence, each bare one first.

    Defences of one price in clean SROCC stand together, ordered by the worst case within epsilon.
    """
    here = {place[1:]: point for place, point in points.items() if place[0] == dataset}
    defended = {place[0] for place in here if place[2]}
    ranks = {model: rank for rank, model in enumerate(ordered("model", defended))}

    def order(line: _Line) -> tuple[float | str, ...]:
        model, variant, defence = line
        clean, worst = (
            here[place].srocc.value if (place := (*line, *strength)) in here else -math.inf
            for strength in (("none", 0.0), (AUTO, epsilon))
        )
        bare = here.get((model, trained_as(variant), "", "none", 0.0))
        paid = price(bare.srocc.value, clean) if bare else 0
        return ranks[model], trained_as(variant), defence != "", paid, -worst, defence

    return sorted({place[:3] for place in here if place[0] in defended}, key=order)


def _name(line: _Line) -> str:
    model, variant, defence = line
    return ", ".join(filter(None, [model_name(model), trained_as(variant), defence or "no defence"]))
