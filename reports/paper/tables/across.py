"""The tables of all pairs of databases: models trained on one, measured on the test images of another."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ....bench.core.text import capitalised, listing
from ....bench.statistics.metrics import NO_LABELS
from ....bench.store.condition import attack_phrase
from ....bench.store.newest import newest
from ...catalogue import attack_name, dataset_name, metric_name, model_name, ordered
from .. import wording
from ..numbers import EPSILON, Entry, metric_cells
from ..points import REGIME, WORST, Point, by, controls, has_worst_case, points_by
from ..selection import Selection, not_newest
from ..table import Block, Cell, Column, Group, Label, Row, Table

_PLACE = ("trained_on", "dataset", "model", "attack", "epsilon")
_CLEAN = ("none", 0.0)
_Points = dict[tuple[Any, ...], Point]  # by `_PLACE`
_Metrics = dict[tuple[str, float], tuple[str, ...]]  # by attack and epsilon; those of the columns


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table, with a block per model; nothing where no model was measured on another database."""
    of_table = _of_table(selection.results.frame)
    elsewhere = newest(of_table, ["trained_on", "dataset", "model", "seed"])
    crossed, at_home = (cells[cells["status"] != NO_LABELS] for cells in (elsewhere, selection.cells))
    if crossed.empty:
        return
    at_home = at_home[at_home["model"].isin(crossed["model"])]
    points = points_by(pd.concat([crossed, at_home.assign(trained_on=at_home["dataset"])]), _PLACE)
    run = sorted({(attack, epsilon) for on, at, _, attack, epsilon in points if on != at and epsilon})
    metrics = _metrics(run, points)
    tested = by("dataset", points.values())
    stand_ins = [point.dataset for point in points.values() if point.stand_in]
    attacks = [attack for attack, _ in metrics] if has_worst_case(points.values()) else []
    columns = tuple(
        Column(_heading(metric, condition), "descending")
        for condition, shown in metrics.items()
        for metric in shown
    )
    yield Table(
        number="X",
        title="Trained on one database and measured on another, with clean training",
        caption=wording.caption(
            wording.ACROSS,
            wording.logistic(selection.results.frame["logistic"]),
            wording.doubted(point.audit for point in points.values()),
            wording.which_to_believe(attacks, controls(points.values())),
            wording.several_seeds(seed for point in points.values() for seed in point.seeds),
            wording.stand_ins(stand_ins),
        ),
        heading="Trained on",
        groups=tuple(
            Group(columns, Label(f"Tested on {dataset_name(name)}", name in stand_ins)) for name in tested
        ),
        blocks=tuple(_block(model, [*tested], metrics, points) for model in by("model", points.values())),
        notes=(*_other_strengths([one for one in run if one not in metrics]), *not_newest(of_table)),
    )


def _of_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models that were trained on another database, without a defence or a grid."""
    crossed = rows[(rows["trained_on"] != "") & (rows["regime"] == REGIME)]
    return crossed[crossed["variant"] == "trained on " + crossed["trained_on"]]


def _other_strengths(others: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Say which attacks on models that were trained elsewhere have no column."""
    if others:
        where = listing([attack_phrase(*condition, attack_name) for condition in others])
        yield f"The table leaves out {where} on models that were trained on another database."


def _metrics(run: Sequence[tuple[str, float]], points: _Points) -> _Metrics:
    """Return the metrics of no attack, and of each attack that was run at the strength of the tables."""
    metrics: _Metrics = {_CLEAN: ("srocc", "plcc")}
    for attack in ordered("attack", (attack for attack, _ in run)):
        strengths = [epsilon for name, epsilon in run if name == attack]
        condition = attack, min(strengths, key=lambda epsilon: abs(epsilon - EPSILON))
        worst_case = any(point.worst_case for place, point in points.items() if place[3:] == condition)
        metrics[condition] = (WORST if worst_case else "srocc",)
    return metrics


def _heading(metric: str, condition: tuple[str, float]) -> str:
    name = capitalised(metric_name(metric))
    return name if condition == _CLEAN else f"{name}, {attack_phrase(*condition, attack_name)}"


def _block(model: str, tested: Sequence[str], metrics: _Metrics, points: _Points) -> Block:
    trained_on = ordered("dataset", (on for on, _, name, *_ in points if name == model))

    def group(dataset: str) -> Iterator[list[tuple[Cell, ...]]]:
        for condition, shown in metrics.items():
            found = [points.get((on, dataset, model, *condition)) for on in trained_on]
            stand_in = any(point.stand_in for point in found if point)
            settings = ["" if on == dataset else f"trained on {on}" for on in trained_on]
            entries = [
                Entry(point, dataset, model, *condition, stand_in, setting=setting)
                for setting, point in zip(settings, found, strict=True)
            ]
            yield metric_cells(entries, shown)

    columns = [list(group(dataset)) for dataset in tested]
    rows = tuple(
        Row(
            Label(dataset_name(on)),
            tuple(tuple(cell for cells in of_dataset for cell in cells[place]) for of_dataset in columns),
        )
        for place, on in enumerate(trained_on)
    )
    return Block(rows, Label(model_name(model)))
