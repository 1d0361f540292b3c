"""The tables of all pairs of databases: models trained on one, measured on the test images of another."""

from collections.abc import Iterator

import pandas as pd

from ....bench.core.text import capitalised, listing
from ....bench.statistics.metrics import NO_LABELS
from ....bench.store.condition import attack_phrase
from ....bench.store.newest import newest
from ...catalogue import attack_name, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import EPSILON, Entry, metric_cells
from ..selection import REGIME, WORST, Content, Point, controls, has_worst_case, not_newest, points_by
from ..table import Block, Cell, Column, Group, Label, Row, Table

_PLACE = ("trained_on", "dataset", "model", "attack", "epsilon")
_CLEAN = ("none", 0.0)
_Condition = tuple[str, float]  # attack and epsilon
_Points = dict[tuple[str, str, str, _Condition], Point]  # by training and test database, model and condition


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per model; nothing where no model was measured on another database."""
    elsewhere = newest(_of_table(content.results), ["trained_on", "dataset", "model", "seed"])
    crossed, at_home = (cells[cells["status"] != NO_LABELS] for cells in (elsewhere, content.selection.cells))
    if crossed.empty:
        return
    at_home = at_home[at_home["model"].isin(crossed["model"])]
    cells = pd.concat([crossed, at_home.assign(trained_on=at_home["dataset"])])
    points = {(on, at, model, (attack, epsilon)): point for (on, at, model, attack, epsilon), point in
              points_by(cells, _PLACE).items()}  # fmt: skip
    conditions = _conditions(points)
    attacks = [attack for attack, _ in conditions if has_worst_case(points.values())]
    tested = ordered("dataset", (at for _, at, _, _ in points))
    stand_ins = [point.dataset for point in points.values() if point.stand_in]
    yield Table(
        number="X",
        title="Trained on one database and measured on another, with clean training",
        caption=wording.caption(
            wording.ACROSS,
            wording.logistic(content.results["logistic"]),
            wording.doubted(point.audit for point in points.values()),
            wording.which_to_believe(attacks, controls(points.values())),
            wording.several_seeds(seed for point in points.values() for seed in point.seeds),
            wording.stand_ins(stand_ins),
        ),
        heading="Trained on",
        groups=tuple(_group(name, conditions, points, name in stand_ins) for name in tested),
        blocks=tuple(
            _block(model, tested, conditions, points)
            for model in ordered("model", (model for _, _, model, _ in points))
        ),
        notes=(*_other_strengths(points, conditions), *not_newest(_of_table(content.results))),
    )


def _of_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models that were trained on another database, without a defence or a grid."""
    crossed = rows[(rows["trained_on"] != "") & (rows["regime"] == REGIME)]
    return crossed[crossed["variant"] == "trained on " + crossed["trained_on"]]


def _other_strengths(points: _Points, conditions: list[_Condition]) -> Iterator[str]:
    """Say which attacks on models that were trained elsewhere have no column."""
    others = sorted({condition for on, at, _, condition in points if on != at} - {*conditions})
    if others:
        where = listing([attack_phrase(*condition, attack_name) for condition in others])
        yield wording.OTHER_STRENGTHS.format(where=where)


def _conditions(points: _Points) -> list[_Condition]:
    """Return no attack, and each attack that was run across databases, at the strength of the tables."""
    run = {condition for on, at, _, condition in points if on != at and condition != _CLEAN}
    attacks = ordered("attack", (attack for attack, _ in run))
    strengths = [
        (
            attack,
            min((epsilon for name, epsilon in run if name == attack), key=lambda one: abs(one - EPSILON)),
        )
        for attack in attacks
    ]
    return [_CLEAN, *strengths]


def _metrics(condition: _Condition, points: _Points) -> tuple[str, ...]:
    if condition == _CLEAN:
        return ("srocc", "plcc")
    found = [point for (_, _, _, other), point in points.items() if other == condition]
    return (WORST,) if any(point.worst_case for point in found) else ("srocc",)


def _group(dataset: str, conditions: list[_Condition], points: _Points, stand_in: bool) -> Group:
    columns = [
        Column(_heading(metric, condition), "descending")
        for condition in conditions
        for metric in _metrics(condition, points)
    ]
    return Group(tuple(columns), Label(f"Tested on {dataset_name(dataset)}", stand_in))


def _heading(metric: str, condition: _Condition) -> str:
    name = capitalised(metric_name(metric))
    return name if condition == _CLEAN else f"{name}, {attack_phrase(*condition, attack_name)}"


def _block(model: str, tested: list[str], conditions: list[_Condition], points: _Points) -> Block:
    trained_on = ordered("dataset", (on for on, _, name, _ in points if name == model))

    def group(dataset: str) -> Iterator[list[tuple[Cell, ...]]]:
        for condition in conditions:
            found = [points.get((on, dataset, model, condition)) for on in trained_on]
            stand_in = any(point.stand_in for point in found if point)
            settings = ["" if on == dataset else f"trained on {on}" for on in trained_on]
            entries = [
                Entry(point, dataset, model, *condition, stand_in, setting=setting)
                for setting, point in zip(settings, found, strict=True)
            ]
            yield metric_cells(entries, _metrics(condition, points))

    columns = [list(group(dataset)) for dataset in tested]
    rows = tuple(
        Row(
            Label(dataset_name(on)),
            tuple(tuple(cell for cells in of_dataset for cell in cells[place]) for of_dataset in columns),
        )
        for place, on in enumerate(trained_on)
    )
    return Block(rows, Label(model_name(model)))
