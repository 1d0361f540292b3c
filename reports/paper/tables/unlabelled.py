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
from ...catalogue import attack_name, dataset_name, model_name, ordered
from .. import wording
from ..numbers import marked
from ..selection import REGIME, Content, Point, points_by
from ..table import Block, Cell, Column, Group, Label, Row, Table

SIZES = {"median_width": "Median width", "gain_up": "Mean rise", "gain_down": "Mean fall", "r_msu": "R (MSU)"}
"""How far scores move: metrics, with the headings of their columns."""

VISIBILITY = {"psnr": "PSNR in dB", "ssim": "SSIM"}
"""How visible the images are, with the headings of the columns."""

_DIGITS = 3

Cells = tuple[tuple[Cell, ...], ...]  # of the groups of a row


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where all images have labels."""
    points = [point for point in content.selection.unlabelled if point.attack != "none"]
    further = variants_without_labels(content.results)
    points += [point for point in further.values() if point.attack != "none"]
    variants = {point.cells: variant for (variant, *_), point in further.items()}
    if not points:
        return

    def named(point: Point) -> str:
        variant = variants.get(point.cells)
        return f"{model_name(point.model)} ({variant})" if variant else model_name(point.model)

    yield Table(
        number="U",
        title="How far attacks move the scores of images without labels",
        caption=wording.caption(
            wording.UNLABELLED_TABLE,
            wording.doubted(point.audit for point in points),
            wording.several_seeds(seed for point in points for seed in point.seeds),
        ),
        heading="Model and attack",
        groups=groups_of_moves(),
        blocks=blocks_of_attacks(points, lambda point: cells_of_moves(point, content.results), named),
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
    points: Sequence[Point],
    cells_of: Callable[[Point], Cells],
    named: Callable[[Point], str] = lambda point: model_name(point.model),
) -> tuple[Block, ...]:
    """Return a block per dataset, with a row for each model and attack."""
    datasets, models = ({getattr(point, name) for point in points} for name in ("dataset", "model"))
    blocks = []
    for dataset in ordered("dataset", datasets):
        rows = [
            Row(Label(f"{named(point)}, {_phrase(point)}"), cells_of(point))
            for model in ordered("model", models)
            for point in points
            if (point.dataset, point.model) == (dataset, model)
        ]
        blocks.append(Block(tuple(rows), Label(dataset_name(dataset))))
    return tuple(blocks)


def groups_of_moves() -> tuple[Group, Group]:
    """Return the columns that `cells_of_moves` fills."""
    sizes = tuple(Column(name, "ascending") for name in SIZES.values())
    visibility = tuple(Column(name, "descending") for name in VISIBILITY.values())
    return Group(sizes), Group(visibility, Label("Adversarial images, median"))


def cells_of_moves(point: Point, cells: pd.DataFrame) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Return how far an attack moves the scores, and how visible its images are."""
    behind = cells[cells["key"].isin(point.cells)]
    return (
        tuple(measure_cell(point, metric) for metric in SIZES),
        tuple(_cell(float(behind[kind].mean()), point) for kind in VISIBILITY),
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


def _phrase(point: Point) -> str:
    return attack_phrase(point.attack, point.epsilon, attack_name)
