"""The paper's Tables 1, 2 and 4 as data: rows of models, column groups of datasets, no markup."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ..bench.metrics import OK, Measure
from ..bench.results import ordered
from .names import (
    HIGHER_IS_BETTER,
    METRICS,
    STAND_IN,
    attack_name,
    dataset_name,
    interval,
    listing,
    model_name,
    number,
    parameters,
)
from .selection import Point, Selection, diverged

TABLE_METRICS = ("srocc", "plcc", "mse")
EPSILON = 1.0
"""The attack strength of Tables 1 and 2, in units of 1/255."""

State = Literal["measured", "diverged", "undefined", "not run"]

_DIGITS = 4
_INTERVAL_DIGITS = {"srocc": 3, "plcc": 3, "mse": 4}
_NUMBERED = {"fgsm": ("1", "table1"), "pgd": ("2", "table2"), "none": ("4", "table4")}


@dataclass(frozen=True)
class Number:
    """One number of a table."""

    metric: str
    measure: Measure
    best: bool

    @property
    def text(self) -> str:
        """The value as it is printed."""
        return number(self.measure.value, _DIGITS)

    @property
    def interval(self) -> str:
        """The interval as it is printed."""
        return interval(self.measure.low, self.measure.high, _INTERVAL_DIGITS[self.metric])


@dataclass(frozen=True)
class Entry:
    """What a table says of one model on one dataset: `numbers` for `TABLE_METRICS` if measured."""

    state: State
    numbers: tuple[Number, ...] = ()
    status: str = ""


@dataclass(frozen=True)
class Row:
    """A model and its entries, one for each of the table's groups."""

    model: str
    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Group:
    """The columns of one dataset."""

    dataset: str
    name: str
    stand_in: bool


@dataclass(frozen=True)
class Table:
    """A table in the paper's layout.

    Attributes:
        number: As in the paper, or `A1`, `A2`... for an attack that is not in it.
        slug: For file names and links.
        title: What it shows, in a phrase.
        caption: How to read it, in sentences.
        groups: Column groups.
        rows: Models; empty if nothing of the table was run.
        advice: How to fill an empty table; else empty.
    """

    number: str
    slug: str
    title: str
    caption: str
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    advice: str


def paper_tables(selection: Selection) -> tuple[Table, ...]:
    """Tables 1 (FGSM at 1/255), 2 (PGD at 1/255), 4 (no attack), then one for any other attack at 1/255."""
    attacks = ordered("attack", (point.attack for point in selection.points))
    others = [name for name in attacks if name not in _NUMBERED]
    numbered = _NUMBERED | {name: (f"A{i}", f"tableA{i}") for i, name in enumerate(others, start=1)}
    return tuple(_table(selection, attack, *labels) for attack, labels in numbered.items())


def _table(selection: Selection, attack: str, label: str, slug: str) -> Table:
    cells, epsilon = selection.cells, 0.0 if attack == "none" else EPSILON
    run = [point for point in selection.points if (point.attack, point.epsilon) == (attack, epsilon)]
    shown = selection.points if attack in _NUMBERED else run
    datasets = ordered("dataset", (point.dataset for point in shown))
    models = ordered("model", (point.model for point in shown))
    stand_ins = {point.dataset for point in shown if point.stand_in}
    found = {(point.dataset, point.model): point for point in run}
    behind = cells[(cells["attack"] == attack) & (cells["epsilon"] == epsilon)]
    columns = [_entries([found.get((dataset, model)) for model in models]) for dataset in datasets]
    rows = [
        Row(model, model_name(model), tuple(entries))
        for model, *entries in zip(models, *columns, strict=True)
    ]
    return Table(
        number=label,
        slug=slug,
        title=_title(attack, epsilon),
        caption=" ".join(_caption(behind, attack, [name for name in datasets if name in stand_ins])),
        groups=tuple(Group(name, dataset_name(name), name in stand_ins) for name in datasets),
        rows=tuple(rows) if run else (),
        advice="" if run else _advice(attack, epsilon),
    )


def _entries(points: Sequence[Point | None]) -> list[Entry]:
    """The entries of one dataset, a model each."""
    measured = [point.measures for point in points if point and point.status == OK]
    best = {
        metric: _best([measures[metric].value for measures in measured], metric) for metric in TABLE_METRICS
    }
    return [_entry(point, best) for point in points]


def _entry(point: Point | None, best: Mapping[str, float | None]) -> Entry:
    if point is None:
        return Entry("not run")
    if point.status != OK:
        return Entry("diverged" if diverged(point.status) else "undefined", status=point.status)
    numbers = [
        Number(metric, point.measures[metric], round(point.measures[metric].value, _DIGITS) == best[metric])
        for metric in TABLE_METRICS
    ]
    return Entry("measured", tuple(numbers), OK)


def _best(values: list[float], metric: str) -> float | None:
    """The best value as printed, so that equal numbers are equally bold; None without a choice."""
    if len(values) < 2:
        return None
    return round(max(values) if HIGHER_IS_BETTER[metric] else min(values), _DIGITS)


def _title(attack: str, epsilon: float) -> str:
    condition = (
        "Without attack" if attack == "none" else f"Under {attack_name(attack)} at ε = {epsilon:g}/255"
    )
    return f"{condition}, with clean training"


def _caption(cells: pd.DataFrame, attack: str, stand_ins: list[str]) -> Iterator[str]:
    better = [METRICS[name] for name in TABLE_METRICS if HIGHER_IS_BETTER[name]]
    yield f"Agreement of predicted with labelled quality: high {listing(better)} and low MSE are good."
    yield "Best in bold, 95% bootstrap intervals over images in brackets, – for what was not run."
    seeds = sorted(cells["seed"].unique())
    if len(seeds) > 1:
        shown = listing([str(seed) for seed in seeds])
        yield f"Of several seeds ({shown}) the number is the mean, and the interval holds those of all."
    settings = [text for text in map(parameters, cells["attack_params"].unique()) if text]
    if attack != "none" and len(settings) == 1:
        yield f"{attack_name(attack)} with {settings[0]}."
    if stand_ins:
        yield f"† {listing([dataset_name(name) for name in stand_ins])} {STAND_IN}."


def _advice(attack: str, epsilon: float) -> str:
    options = "" if attack == "none" else f" --attacks {attack} --epsilons {epsilon:g}"
    return f"Not run. `iqabench run{options}` fills this table."
