"""How far attacks move the scores of images without labels: there is nothing to correlate them with."""

import math
from collections.abc import Iterator

import pandas as pd

from ....bench.core.text import interval, number
from ....bench.store.condition import attack_phrase
from ...catalogue import attack_name, dataset_name, model_name, ordered
from .. import wording
from ..selection import Content, Point
from ..table import Block, Cell, Column, Group, Label, Row, Table

_SIZES = {
    "median_width": "Median width",
    "gain_up": "Mean rise",
    "gain_down": "Mean fall",
    "r_msu": "R (MSU)",
}
_VISIBILITY = {"psnr": "PSNR in dB", "ssim": "SSIM"}
_DIGITS = 3


def build(content: Content) -> Iterator[Table]:
    """Yield the table, with a block per dataset; nothing where all images have labels."""
    points = [point for point in content.selection.unlabelled if point.attack != "none"]
    if not points:
        return
    columns = [*(Column(name, "ascending") for name in _SIZES.values())]
    visibility = [Column(name, "descending") for name in _VISIBILITY.values()]
    yield Table(
        number="U",
        title="How far attacks move the scores of images without labels",
        caption=wording.UNLABELLED_TABLE,
        heading="Model and attack",
        groups=(Group(tuple(columns)), Group(tuple(visibility), Label("Adversarial images, median"))),
        blocks=tuple(
            Block(
                tuple(
                    _row(point, content.selection.cells)
                    for model in ordered("model", (point.model for point in points))
                    for point in points
                    if (point.dataset, point.model) == (dataset, model)
                ),
                Label(dataset_name(dataset)),
            )
            for dataset in ordered("dataset", (point.dataset for point in points))
        ),
    )


def _row(point: Point, cells: pd.DataFrame) -> Row:
    behind = cells[cells["key"].isin(point.cells)]
    name = f"{model_name(point.model)}, {attack_phrase(point.attack, point.epsilon, attack_name)}"
    return Row(
        Label(name),
        (
            tuple(_size(point, metric) for metric in _SIZES),
            tuple(_cell(float(behind[kind].mean()), point) for kind in _VISIBILITY),
        ),
    )


def _size(point: Point, metric: str) -> Cell:
    measure = point.measures[metric]
    return _cell(measure.value, point, interval(measure.low, measure.high, _DIGITS))


def _cell(value: float, point: Point, line: str = "") -> Cell:
    if math.isnan(value):
        return Cell(number(value, _DIGITS), "absent", keys=point.cells)
    return Cell(number(value, _DIGITS), "number", (line,) if line else (), keys=point.cells)
