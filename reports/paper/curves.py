"""Figure 6 as data: SROCC over epsilon, a panel per dataset and attack, a curve per model."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..catalogue import attack_name, dataset_name, model_name, ordered
from .selection import Point

METRIC = "srocc"


@dataclass(frozen=True)
class Curve:
    """A model's SROCC at rising epsilons (units of 1/255), 0 being clean images; NaN where it diverged."""

    model: str
    name: str
    epsilons: tuple[float, ...]
    values: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """The curves of one dataset under one attack."""

    dataset: str
    attack: str
    title: str
    curves: tuple[Curve, ...]


def figure6(points: Sequence[Point]) -> tuple[Panel, ...]:
    """Return the panels that a selection's points can fill, by dataset, then attack."""
    return tuple(
        _panel([point for point in points if point.dataset == dataset], dataset, attack)
        for dataset in ordered("dataset", (point.dataset for point in points))
        for attack in ordered("attack", (point.attack for point in points if point.dataset == dataset))
        if attack != "none"
    )


def _panel(points: Sequence[Point], dataset: str, attack: str) -> Panel:
    models = ordered("model", (point.model for point in points if point.attack == attack))
    mark = " (stand-in)" if any(point.stand_in for point in points) else ""
    return Panel(
        dataset,
        attack,
        f"{dataset_name(dataset)}{mark} · {attack_name(attack)}",
        tuple(_curve([point for point in points if point.model == model], model, attack) for model in models),
    )


def _curve(points: Sequence[Point], model: str, attack: str) -> Curve:
    along = sorted((p for p in points if p.attack in ("none", attack)), key=lambda point: point.epsilon)
    measures = [point.measures[METRIC] for point in along]
    return Curve(
        model,
        model_name(model),
        tuple(point.epsilon for point in along),
        tuple(measure.value for measure in measures),
        tuple(measure.low for measure in measures),
        tuple(measure.high for measure in measures),
    )
