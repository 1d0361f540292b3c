"""The table of images without labels, which says how far attacks move their scores."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ....bench.core.text import interval, number
from ....bench.statistics.metrics import NO_LABELS
from ....bench.store.condition import attack_phrase
from ....bench.store.newest import newest
from ...catalogue import attack_name, dataset_name, model_name
from .. import wording
from ..numbers import marked
from ..points import REGIME, Point, by, points_by
from ..selection import Selection
from ..table import Block, Cell, Group, Label, Row, Table

SIZES = {"median_width": "Median width", "gain_up": "Mean rise", "gain_down": "Mean fall", "r_msu": "R (MSU)"}
"""How far scores move: metrics, with the headings of their columns."""

VISIBILITY = {"psnr": "PSNR in dB", "ssim": "SSIM"}
"""How visible the images are, with the headings of the columns."""

_DIGITS = 3

Cells = tuple[tuple[Cell, ...], ...]  # of the groups of a row


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where all images have labels."""
    variants = variants_without_labels(selection.results.frame)
    found = [("", point) for point in selection.unlabelled]
    found += [(variant, point) for (variant, *_), point in variants.items()]
    attacked = [(variant, point) for variant, point in found if point.attack != "none"]
    if not attacked:
        return
    points = [point for _, point in attacked]
    yield Table(
        number="U",
        title="How far attacks move the scores of images without labels",
        caption=wording.caption(
            wording.UNLABELLED,
            wording.doubted(point.audit for point in points),
            wording.several_seeds(seed for point in points for seed in point.seeds),
        ),
        heading="Model and attack",
        groups=groups_of_moves(),
        blocks=blocks_of_attacks(attacked, cells_of_moves),
    )


def variants_without_labels(results: pd.DataFrame) -> dict[tuple[Any, ...], Point]:
    """Return the points of images without labels of models behind a defence or trained on another database.

    The keys begin with the variant.
    """
    has_a_table = (results[["defence", "trained_on"]] != "").any(axis=1) & (results["regime"] == REGIME)
    cells = newest(results[has_a_table], ["dataset", "model", "variant", "seed"])
    columns = ("variant", "dataset", "model", "attack", "epsilon")
    return points_by(cells[cells["status"] == NO_LABELS], columns)


def blocks_of_attacks(
    found: Sequence[tuple[str, Point]], cells_of: Callable[[Point], Cells]
) -> tuple[Block, ...]:
    """Return a block per dataset, with a row for each model and attack, given variants and their points."""
    datasets, models = (by(kind, (point for _, point in found)) for kind in ("dataset", "model"))
    return tuple(
        Block(
            tuple(
                Row(Label(_name(variant, point)), cells_of(point))
                for model in models
                for variant, point in found
                if (point.dataset, point.model) == (dataset, model)
            ),
            Label(dataset_name(dataset)),
        )
        for dataset in datasets
    )


def groups_of_moves() -> tuple[Group, Group]:
    """Return the columns that `cells_of_moves` fills."""
    return (
        Group.of(SIZES.values(), "ascending"),
        Group.of(VISIBILITY.values(), "descending", "Adversarial images, median"),
    )


def cells_of_moves(point: Point) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Return how far an attack moves the scores, and how visible its images are."""
    return (
        tuple(measure_cell(point, metric) for metric in SIZES),
        tuple(_cell(point.visibility[kind], point) for kind in VISIBILITY),
    )


def measure_cell(point: Point, metric: str) -> Cell:
    """Return a metric's value, with a mark where it is doubtful, and its interval below."""
    measure = point.measures[metric]
    cell = _cell(measure.value, point, interval(measure.low, measure.high, _DIGITS))
    return cell if cell.kind == "absent" else replace(cell, text=marked(cell.text, point))


def _cell(value: float, point: Point, line: str = "") -> Cell:
    if math.isnan(value):
        return Cell(number(value, _DIGITS), "absent", keys=point.cells)
    return Cell(number(value, _DIGITS), "number", (line,) if line else (), keys=point.cells)


def _name(variant: str, point: Point) -> str:
    model = f"{model_name(point.model)} ({variant})" if variant else model_name(point.model)
    return f"{model}, {attack_phrase(point.attack, point.epsilon, attack_name)}"
