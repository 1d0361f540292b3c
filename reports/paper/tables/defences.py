"""The table of defences: the worst case found without knowledge of a defence, and that found through it."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from ....bench.core.text import capitalised, listing
from ....bench.statistics.metrics import NO_LABELS
from ...catalogue import AUTO, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import Entry, column_of, verdict_cell
from ..points import REGIME, WORST, Point
from ..selection import Selection, not_newest
from ..table import Block, Cell, Group, Label, Table, rows_of
from ..tradeoff import PRICES, Points, defended_points, price, trained_as

_Line = tuple[str, str, str]  # model, variant, defence


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where no defence was attacked by `auto`."""
    adaptive, static = (
        defended_points(frame[frame["status"] != NO_LABELS])
        for frame in (selection.results.frame, selection.results.static)
    )
    attacked = {name: found for name, points in adaptive.items() if (found := _attacked(points))}
    defended = [point for points in attacked.values() for point in points]
    if not defended:
        return
    epsilons = sorted({point.epsilon for point in defended})
    strengths = [f"ε = {epsilon:g}/255" for epsilon in epsilons]
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
            Group.of([f"Clean {metric_name('srocc')}"], "descending"),
            *(
                Group.of(strengths, "descending", f"{capitalised(metric_name(WORST))}, {knowledge}")
                for knowledge in ("static", "adaptive")
            ),
            Group.of(["Audit"], "text"),
        ),
        blocks=tuple(_block(name, adaptive[name], static.get(name, {}), epsilons) for name in attacked),
        notes=tuple(not_newest(_behind(selection.results.frame))),
    )


def _behind(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models behind a defence that the table is of."""
    shown = (results["status"] != NO_LABELS) & results["attack"].isin(["none", AUTO])
    return results[shown & (results["defence"] != "") & (results["regime"] == REGIME)]


def _attacked(points: Points) -> list[Point]:
    """Return the points of defences that `auto` attacked."""
    return [point for (_, _, defence, attack, _), point in points.items() if defence and attack == AUTO]


def _block(dataset: str, adaptive: Points, static: Points, epsilons: Sequence[float]) -> Block:
    lines = _lines(adaptive)
    stand_in = any(point.stand_in for point in adaptive.values())

    def column(points: Points, epsilon: float) -> list[Cell]:
        attack = AUTO if epsilon else "none"
        entries = [
            Entry(points.get((*line, attack, epsilon)), dataset, line[0], attack, epsilon, stand_in, line[1])
            for line in lines
        ]
        return column_of(entries, WORST if epsilon else "srocc")

    audits = [[point.audit for place, point in adaptive.items() if place[:3] == line] for line in lines]
    columns = (
        [column(adaptive, 0.0)],
        *([column(points, epsilon) for epsilon in epsilons] for points in (static, adaptive)),
        [[verdict_cell(found) for found in audits]],
    )
    return Block(rows_of(map(_name, lines), columns), Label(dataset_name(dataset), stand_in))


def _lines(points: Points) -> list[_Line]:
    """Return model, variant and defence of each row: models that have a defence, each bare one first.

    Defences of one price in clean SROCC stand together, ordered by the worst case within the least epsilon.
    """
    defended = {place[0] for place in points if place[2]}
    ranks = {model: rank for rank, model in enumerate(ordered("model", defended))}
    epsilon = min(point.epsilon for point in _attacked(points))

    def order(line: _Line) -> tuple[float | str, ...]:
        model, variant, defence = line
        clean, worst = (
            points[place].srocc.value if (place := (*line, *strength)) in points else -math.inf
            for strength in (("none", 0.0), (AUTO, epsilon))
        )
        bare = points.get((model, trained_as(variant), "", "none", 0.0))
        paid = price(bare.srocc.value, clean) if bare else 0
        return ranks[model], trained_as(variant), defence != "", paid, -worst, defence

    return sorted({place[:3] for place in points if place[0] in defended}, key=order)


def _name(line: _Line) -> str:
    model, variant, defence = line
    return ", ".join(filter(None, [model_name(model), trained_as(variant), defence or "no defence"]))
