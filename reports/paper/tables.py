"""The paper's Tables 1, 2 and 4 as data: rows of models, column groups of datasets, no markup."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pandas as pd

from ...bench.core.text import difference, interval, listing, number, parameters
from ...bench.store.metrics import OK, Measure
from ..catalogue import (
    STAND_IN,
    attack_name,
    dataset_name,
    higher_is_better,
    metric_name,
    model_name,
    ordered,
)
from ..published import paper_numbers
from .selection import Point, Selection, diverged

TABLE_METRICS = ("srocc", "plcc", "mse")
EPSILON = 1.0
"""The attack strength of Tables 1 and 2, in units of 1/255."""

State = Literal["measured", "diverged", "undefined", "not run"]

DIGITS = 4
"""After the decimal point, as in the paper."""

INTERVAL_DIGITS = {"srocc": 3, "plcc": 3, "mse": 4, "krocc": 3, "rmse": 4}
"""Of the bounds of an interval, by metric."""

_NUMBERED = {"fgsm": ("1", "table1"), "pgd": ("2", "table2"), "none": ("4", "table4")}


@dataclass(frozen=True)
class Number:
    """One number of a table."""

    metric: str
    measure: Measure
    best: bool
    spread: tuple[float, float]

    @property
    def text(self) -> str:
        """The value as it is printed."""
        return number(self.measure.value, DIGITS)

    @property
    def interval(self) -> str:
        """The interval as it is printed."""
        return interval(self.measure.low, self.measure.high, INTERVAL_DIGITS[self.metric])

    @property
    def range(self) -> str:
        """The lowest and the highest value of a seed as they are printed."""
        digits = INTERVAL_DIGITS[self.metric]
        return " to ".join(number(value, digits) for value in self.spread)


@dataclass(frozen=True)
class Entry:
    """What a table says of one model under one condition.

    Attributes:
        state: Whether it was measured.
        numbers: For `TABLE_METRICS` if measured, else empty.
        status: `ok`, or why there is no number.
        seeds: How many seeds are behind it.
        usable: How many of them have usable numbers.
        published: The paper's numbers for `TABLE_METRICS`; empty where it has none.
        cells: Keys of the cells behind it.
    """

    state: State
    numbers: tuple[Number, ...] = ()
    status: str = ""
    seeds: int = 0
    usable: int = 0
    published: tuple[float, ...] = ()
    cells: tuple[str, ...] = ()

    @property
    def beside(self) -> tuple[str, ...]:
        """The paper's numbers, each with measured minus published if measured; empty where it has none."""
        labelled = [f"paper {text}" for text in self.printed]
        if not self.numbers:
            return tuple(labelled)
        return tuple(f"{text} ({gap})" for text, gap in zip(labelled, self.differences, strict=False))

    @property
    def printed(self) -> tuple[str, ...]:
        """The paper's numbers as they are printed."""
        return tuple(number(value, DIGITS) for value in self.published)

    @property
    def differences(self) -> tuple[str, ...]:
        """Measured minus published as they are printed; empty unless both are there."""
        if not self.published:
            return ()
        return tuple(
            difference(measured.measure.value, value, DIGITS)
            for measured, value in zip(self.numbers, self.published, strict=False)
        )


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

    layout: ClassVar[str] = "table"
    """The template that renders it."""

    @property
    def published(self) -> bool:
        """Whether the paper's numbers stand beside any of its own."""
        return any(entry.published for row in self.rows for entry in row.entries)


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
    columns = [
        entries(
            [found.get((dataset, model)) for model in models],
            [
                () if dataset in stand_ins else published_numbers(dataset, model, attack, epsilon)
                for model in models
            ],
        )
        for dataset in datasets
    ]
    rows = [
        Row(model, model_name(model), tuple(found_of_model))
        for model, *found_of_model in zip(models, *columns, strict=True)
    ]
    beside = any(entry.published for column in columns for entry in column)
    return Table(
        number=label,
        slug=slug,
        title=_title(attack, epsilon),
        caption=" ".join(_caption(behind, attack, [name for name in datasets if name in stand_ins], beside)),
        groups=tuple(Group(name, dataset_name(name), name in stand_ins) for name in datasets),
        rows=tuple(rows) if run else (),
        advice="" if run else _advice(attack, epsilon),
    )


def published_numbers(
    dataset: str, model: str, attack: str, epsilon: float, variant: str = ""
) -> tuple[float, ...]:
    """What the paper prints for `TABLE_METRICS`; empty where it has no such row.

    Args:
        dataset: Registered name.
        model: Registered name.
        attack: Registered name, or `none`.
        epsilon: In units of 1/255.
        variant: As in `published.load`.
    """
    place = (dataset, model, attack, epsilon, variant)
    known = paper_numbers()
    return tuple(known[*place, metric] for metric in TABLE_METRICS if (*place, metric) in known)


def entries(points: Sequence[Point | None], published: Sequence[tuple[float, ...]]) -> list[Entry]:
    """The entries of one column group, of which the best is bold.

    Args:
        points: One for each row, or None where nothing was run.
        published: The paper's numbers for each row, for `TABLE_METRICS`; empty where it has none.
    """
    measured = [point.measures for point in points if point and point.status == OK]
    best = {
        metric: _best([measures[metric].value for measures in measured], metric) for metric in TABLE_METRICS
    }
    return [_entry(point, best, beside) for point, beside in zip(points, published, strict=True)]


def _entry(point: Point | None, best: Mapping[str, float | None], published: tuple[float, ...]) -> Entry:
    if point is None:
        return Entry("not run", published=published)
    state: State = "diverged" if diverged(point.status) else "undefined"
    numbers = tuple(_number(point, metric, best[metric]) for metric in TABLE_METRICS)
    return Entry(
        state="measured" if point.status == OK else state,
        numbers=numbers if point.status == OK else (),
        status=point.status,
        seeds=len(point.seeds),
        usable=point.usable,
        published=published,
        cells=point.cells,
    )


def _number(point: Point, metric: str, best: float | None) -> Number:
    measure = point.measures[metric]
    return Number(metric, measure, round(measure.value, DIGITS) == best, point.spread[metric])


def _best(values: list[float], metric: str) -> float | None:
    """The best value as printed, so that equal numbers are equally bold; None without a choice."""
    if len(values) < 2:
        return None
    return round(max(values) if higher_is_better(metric) else min(values), DIGITS)


def _title(attack: str, epsilon: float) -> str:
    condition = (
        "Without attack" if attack == "none" else f"Under {attack_name(attack)} at ε = {epsilon:g}/255"
    )
    return f"{condition}, with clean training"


def _caption(cells: pd.DataFrame, attack: str, stand_ins: list[str], beside: bool) -> Iterator[str]:
    yield from reading_guide()
    if beside:
        yield "Below, the paper's number, and in parentheses how far the measured one is above it."
    seeds = sorted(cells["seed"].unique())
    if len(seeds) > 1:
        shown = listing([str(seed) for seed in seeds])
        yield f"Of several seeds ({shown}) the number is the mean, and the interval holds those of all."
    settings = [text for text in map(parameters, cells["attack_params"].unique()) if text]
    if attack != "none" and len(settings) == 1:
        yield f"{attack_name(attack)} with {settings[0]}."
    if stand_ins:
        yield f"† {listing([dataset_name(name) for name in stand_ins])} {STAND_IN}."


def reading_guide() -> Iterator[str]:
    """How to read a table's numbers, in sentences."""
    better = [metric_name(name) for name in TABLE_METRICS if higher_is_better(name)]
    yield f"Agreement of predicted with labelled quality: high {listing(better)} and low MSE are good."
    yield "Best in bold, 95% bootstrap intervals over images in brackets, – for what was not run."


def _advice(attack: str, epsilon: float) -> str:
    options = "" if attack == "none" else f" --attacks {attack} --epsilons {epsilon:g}"
    return f"Not run. `iqabench run{options}` fills this table."
