"""The cells of a table that say how well models do under one condition, with the best in bold."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...bench.core.text import NOT_RUN, capitalised, interval, number
from ...bench.statistics.metrics import OK
from ...bench.store.results import verdict
from ..catalogue import catalogue, dataset_name, higher_is_better, metric_name
from ..published import paper_numbers
from . import wording
from .points import Point, diverged
from .table import Cell, Column

TABLE_METRICS = ("srocc", "plcc", "mse")
EPSILON = 1.0  # the attack strength of Tables 1, 2, 5 and 6, in units of 1/255
DIGITS = 4  # digits after the decimal point, as in the paper


class Entry(NamedTuple):
    """What a table shows of one model under one condition."""

    point: Point | None  # what was measured; None if nothing was run
    dataset: str
    model: str
    attack: str  # registered name, or `none`
    epsilon: float  # in units of 1/255
    stand_in: bool  # whether the dataset stands in for a database
    variant: str = ""  # of the model, as `published.load` names it
    setting: str = ""  # what the row's block has in common
    published_on: str = ""  # the dataset of the paper's numbers that are shown with it; empty for none

    @property
    def comparable(self) -> bool:
        """True where a difference from the paper's numbers means something."""
        return self.published_on == self.dataset and not self.stand_in

    @property
    def usable(self) -> bool:
        """True where it has numbers."""
        return self.point is not None and self.point.status == OK

    def published(self, metric: str) -> float | None:
        """Return the paper's number, or None where it has none."""
        place = (self.published_on, self.model, self.attack, self.epsilon, self.variant, metric)
        return paper_numbers().get(place)


def metric_columns(metrics: Sequence[str] = TABLE_METRICS) -> tuple[Column, ...]:
    """Return a column per metric, whose best values come first."""
    orders = catalogue().metrics
    return tuple(
        Column(capitalised(metric_name(name)), "descending" if orders[name].higher_is_better else "ascending")
        for name in metrics
    )


def metric_cells(entries: Sequence[Entry], metrics: Sequence[str] = TABLE_METRICS) -> list[tuple[Cell, ...]]:
    """Return the cells of one group of columns, a tuple per row."""
    best = {metric: _best(entries, metric) for metric in metrics}
    return [_cells(entry, best) for entry in entries]


def column_of(entries: Sequence[Entry], metric: str) -> list[Cell]:
    """Return the cells of one column, a cell per row."""
    return [cell for (cell,) in metric_cells(entries, (metric,))]


def _cells(entry: Entry, best: Mapping[str, float | None]) -> tuple[Cell, ...]:
    point, records = entry.point, {metric: (_record(entry, metric),) for metric in best}
    if point is None:
        return tuple(
            Cell(NOT_RUN, "absent", ("", "", _beside(entry, metric)), records=record)
            for metric, record in records.items()
        )
    if point.status != OK:
        known = [value for metric in best if (value := entry.published(metric)) is not None]
        beside = wording.published(_source(entry), [number(value, DIGITS) for value in known])
        lines = (point.status, "", beside)
        told = tuple(record for (record,) in records.values())
        state = "diverged" if diverged(point.status) else "undefined"
        return (Cell(state, "state", lines, span=len(best), keys=point.cells, records=told),)
    return tuple(
        Cell(
            text=marked(number(point.measures[metric].value, DIGITS), point),
            kind="number",
            lines=(_interval(point, metric), _spread(point, metric), _beside(entry, metric)),
            best=round(point.measures[metric].value, DIGITS) == highest,
            metric=metric_name(metric),
            keys=point.cells,
            records=records[metric],
        )
        for metric, highest in best.items()
    )


def verdict_cell(audits: Iterable[str]) -> Cell:
    """Return the verdict of several audits: `doubtful` if one of them is."""
    found = verdict(audits)
    return Cell(found, "flag" if found == "doubtful" else "text") if found else Cell(NOT_RUN, "absent")


def marked(text: str, point: Point) -> str:
    """Return a number's text with a mark where its audit is doubtful."""
    return f"{text}{wording.DOUBTFUL_MARK}" if point.audit == "doubtful" else text


def _best(entries: Sequence[Entry], metric: str) -> float | None:
    """Return the best value as printed, so that equal numbers are equally bold.

    None without a choice, and where no model keeps a positive correlation.
    """
    values = [entry.point.measures[metric].value for entry in entries if entry.point and entry.usable]
    values = [value for value in values if not math.isnan(value)]
    if len(values) < 2:
        return None
    if not higher_is_better(metric):
        return round(min(values), DIGITS)
    return round(max(values), DIGITS) if max(values) > 0 else None


def _interval(point: Point, metric: str) -> str:
    measure = point.measures[metric]
    return interval(measure.low, measure.high, catalogue().metrics[metric].digits)


def _spread(point: Point, metric: str) -> str:
    if point.usable < 2:
        return ""
    digits = catalogue().metrics[metric].digits
    return " to ".join(number(value, digits) for value in point.spread[metric])


def _beside(entry: Entry, metric: str) -> str:
    published = entry.published(metric)
    if published is None:
        return ""
    measured = entry.point.measures[metric].value if entry.point and entry.usable else math.nan
    gap = measured if entry.comparable else math.nan
    return wording.published(_source(entry), [number(published, DIGITS)], gap, published, DIGITS)


def _source(entry: Entry) -> str:
    return "" if entry.comparable else dataset_name(entry.published_on)


def _record(entry: Entry, metric: str) -> dict[str, Any]:
    point, published = entry.point, entry.published(metric)
    row = {name: value for name, value in entry._asdict().items() if name not in ("point", "published_on")}
    row |= {"metric": metric, "seeds": len(point.seeds) if point else 0}
    row |= {"status": point.status if point else "not run", "audit": point.audit if point else ""}
    if point and entry.usable:
        measure = point.measures[metric]
        row |= {"measured": measure.value, "low": measure.low, "high": measure.high}
    if published is not None:
        row |= {"published": published, "published_on": entry.published_on}
        if entry.comparable and entry.usable:
            row["difference"] = row["measured"] - published
    return row
