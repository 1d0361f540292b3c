"""Figure 6 as data: SROCC over epsilon, a panel per dataset and attack, a curve per model.

The SROCC of an interval attack is that of the worst case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..catalogue import AUTO, attack_name, marked_dataset, model_name, ordered
from . import wording
from .selection import Point, controls


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
    """The curves of one dataset under one attack, by their worst cases if `worst_case`."""

    dataset: str
    attack: str
    title: str
    curves: tuple[Curve, ...]
    worst_case: bool = False
    control: bool = False  # whether the attack is a control


def figure6(points: Sequence[Point]) -> tuple[Panel, ...]:
    """Return the panels that a selection's points can fill, by dataset, then attack."""
    return tuple(
        _panel([point for point in points if point.dataset == dataset], dataset, attack)
        for dataset in ordered("dataset", (point.dataset for point in points))
        for attack in ordered("attack", (point.attack for point in points if point.dataset == dataset))
        if attack != "none"
    )


def caption(panels: Sequence[Panel]) -> str:
    """Say how to read the panels, and which of them to believe where some are weaker."""
    has_auto = any(panel.attack == AUTO and panel.worst_case for panel in panels)
    attacks = [panel.attack for panel in panels if has_auto]
    controls = {panel.attack for panel in panels if panel.control}
    return wording.caption(wording.CURVES, wording.which_to_believe(attacks, controls))


def _panel(points: Sequence[Point], dataset: str, attack: str) -> Panel:
    models = ordered("model", (point.model for point in points if point.attack == attack))
    shown = marked_dataset(dataset, any(point.stand_in for point in points))
    worst_case = any(point.worst_case for point in points if point.attack == attack)
    return Panel(
        dataset,
        attack,
        f"{shown} · {attack_name(attack)}{', worst case' if worst_case else ''}",
        tuple(_curve([point for point in points if point.model == model], model, attack) for model in models),
        worst_case,
        attack in controls(points),
    )


def _curve(points: Sequence[Point], model: str, attack: str) -> Curve:
    along = sorted((p for p in points if p.attack in ("none", attack)), key=lambda point: point.epsilon)
    measures = [point.srocc for point in along]
    return Curve(
        model,
        model_name(model),
        tuple(point.epsilon for point in along),
        tuple(measure.value for measure in measures),
        tuple(measure.low for measure in measures),
        tuple(measure.high for measure in measures),
    )
