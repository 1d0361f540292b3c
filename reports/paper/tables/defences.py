"""The table of defences: the worst case found without knowledge of a defence, and that found through it."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ....bench.core.text import NOT_RUN, capitalised
from ....bench.store.newest import newest
from ...catalogue import AUTO, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import Entry, metric_cells
from ..selection import REGIME, WORST, Content, Point, points_by
from ..table import Block, Cell, Column, Group, Label, Row, Table

_PLACE = ("dataset", "model", "variant", "defence", "attack", "epsilon")
_Line = tuple[str, str, str]  # model, variant, defence


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where no defence was attacked by `auto`."""
    adaptive, static = (_points(frame) for frame in (content.results, content.static))
    defended = [point for place, point in adaptive.items() if place[3] and point.attack == AUTO]
    if not defended:
        return
    epsilons = sorted({point.epsilon for point in defended})
    datasets = ordered("dataset", (point.dataset for point in defended))
    yield Table(
        number="D",
        title="Defences, with clean training",
        caption=wording.caption(
            wording.DEFENCES,
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
    )


def _points(rows: pd.DataFrame) -> dict[tuple[str, ...], Point]:
    """Return the points of models with clean training, by `_PLACE`, from the newest cells of each."""
    chosen = rows[(rows["regime"] == REGIME) & rows["attack"].isin(["none", AUTO])]
    if chosen.empty:
        return {}
    return points_by(newest(chosen, ["dataset", "model", "variant", "seed"]), _PLACE)


def _block(
    dataset: str,
    adaptive: dict[tuple[str, ...], Point],
    static: dict[tuple[str, ...], Point],
    epsilons: Sequence[float],
) -> Block:
    lines = _lines([place[1:4] for place in adaptive if place[0] == dataset])
    stand_in = any(point.stand_in for place, point in adaptive.items() if place[0] == dataset)

    def column(points: dict[tuple[str, ...], Point], epsilon: float) -> list[Cell]:
        attack = AUTO if epsilon else "none"
        found = [points.get((dataset, *line, attack, epsilon)) for line in lines]  # type: ignore[arg-type]
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
    rows = tuple(
        Row(Label(_name(line)), ((before,), unaware, aware, (_verdict(dataset, line, adaptive),)))
        for line, before, unaware, aware in zip(lines, clean, without, through, strict=True)
    )
    return Block(rows, Label(dataset_name(dataset), stand_in))


def _lines(found: Sequence[tuple[str, ...]]) -> list[_Line]:
    """Return model, variant and defence of each row: models that have a defence, bare ones first."""
    defended = {model for model, _, defence in found if defence}
    lines = sorted({(model, variant, defence) for model, variant, defence in found if model in defended})
    ranks = {model: rank for rank, model in enumerate(ordered("model", defended))}
    return sorted(lines, key=lambda line: (ranks[line[0]], line[2] != ""))


def _name(line: _Line) -> str:
    model, variant, defence = line
    other = ", ".join(part for part in variant.split(", ") if part and not part.startswith("defence="))
    return ", ".join(filter(None, [model_name(model), other, defence or "no defence"]))


def _verdict(dataset: str, line: _Line, points: dict[tuple[str, ...], Point]) -> Cell:
    audits = {point.audit for place, point in points.items() if place[:4] == (dataset, *line)}
    for found in ("doubtful", "sound"):
        if found in audits:
            return Cell(found, "flag" if found == "doubtful" else "text")
    return Cell(NOT_RUN, "absent")
