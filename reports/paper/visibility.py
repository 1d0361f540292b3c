"""Attacks at equal visibility as data: a panel per dataset and model, a curve per attack."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from ...bench.statistics.metrics import Measure
from ...bench.statistics.visibility import KINDS
from ..catalogue import attack_name, marked_dataset, model_name, ordered
from .selection import Point, Selection

WIDTH = "median_width"
QUANTITIES = ("srocc", "width")  # of a spot
STRENGTH = "epsilon"
PLACES = (STRENGTH, *KINDS)  # what a spot is drawn over


@dataclass(frozen=True)
class Spot:
    """The effect of an attack at one strength, and the visibility of its images; NaN where unknown."""

    epsilon: float  # in units of 1/255
    visibility: Mapping[str, float]  # by kind: medians over images of PSNR in dB and SSIM, means over seeds
    srocc: Measure  # that of the worst case where there is one
    width: Measure  # median width of the intervals of scores

    def place(self, kind: str) -> float:
        """Return epsilon, PSNR or SSIM."""
        return self.epsilon if kind == STRENGTH else self.visibility[kind]


@dataclass(frozen=True)
class AttackCurve:
    """An attack at rising strengths."""

    attack: str
    name: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class VisibilityPanel:
    """The curves of one model on one dataset."""

    dataset: str
    model: str
    title: str
    clean: float  # SROCC without attack; NaN without labels
    curves: tuple[AttackCurve, ...]

    def shows(self, kind: str, quantity: str) -> bool:
        """Return whether some spot has both a place of a kind and `srocc` or `width`."""
        return any(
            math.isfinite(spot.place(kind)) and math.isfinite(getattr(spot, quantity).value)
            for curve in self.curves
            for spot in curve.spots
        )


def visibility_panels(selection: Selection) -> tuple[VisibilityPanel, ...]:
    """Return a panel for each dataset and model of a selection with cells that hold PSNR or SSIM."""
    visible = selection.cells.set_index("key")[list(KINDS)]
    return tuple(_panels((*selection.points, *selection.unlabelled), visible))


def _panels(points: tuple[Point, ...], visible: pd.DataFrame) -> Iterator[VisibilityPanel]:
    for dataset in ordered("dataset", (point.dataset for point in points)):
        here = [point for point in points if point.dataset == dataset]
        shown = marked_dataset(dataset, any(point.stand_in for point in here))
        for model in ordered("model", (point.model for point in here)):
            mine = [point for point in here if point.model == model]
            clean = [point.measures["srocc"].value for point in mine if point.attack == "none"]
            attacks = ordered("attack", (point.attack for point in mine if point.attack != "none"))
            panel = VisibilityPanel(
                dataset,
                model,
                f"{shown} · {model_name(model)}",
                clean[0] if clean else math.nan,
                tuple(_curve(attack, mine, visible) for attack in attacks),
            )
            if any(panel.shows(kind, quantity) for kind in KINDS for quantity in QUANTITIES):
                yield panel


def _curve(attack: str, points: list[Point], visible: pd.DataFrame) -> AttackCurve:
    along = sorted((p for p in points if p.attack == attack), key=lambda point: point.epsilon)
    return AttackCurve(
        attack,
        attack_name(attack),
        tuple(
            Spot(
                point.epsilon,
                {kind: float(visible.loc[list(point.cells), kind].mean()) for kind in KINDS},
                point.srocc,
                point.measures[WIDTH],
            )
            for point in along
        ),
    )
