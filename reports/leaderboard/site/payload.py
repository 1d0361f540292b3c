"""What the page of rankings gives its script: every number that ranks or is drawn, in few bytes.

SROCC is held in ten-thousandths and bounds in thousandths, which is how they are printed and compared.
"""

import math
from dataclasses import asdict
from typing import Any

from ...catalogue import attack_name, dataset_name, ordered
from ..board import Board, Entrant, Number
from ..ranking import (
    BOUND_DIGITS,
    CLEAN,
    CONTROLS,
    SROCC_DIGITS,
    Condition,
    Pair,
    Threat,
    by_name,
    conditions,
)
from .chart import LAYOUT


def payload(board: Board, start: Threat | None) -> dict[str, Any]:
    """The data of a board for `ranking.js`, which describes the shape.

    Args:
        board: All entrants; they are held by name.
        start: The threat that is shown first.
    """
    numbers = [number for entrant in board.entrants for number in entrant.numbers]
    datasets = ordered("dataset", (number.dataset for number in numbers))
    attacks = ordered("attack", (number.attack for number in numbers))
    stand_ins = {number.dataset for number in numbers if number.stand_in}
    known = sorted(
        {(number.dataset, number.attack, number.epsilon) for number in numbers},
        key=lambda one: (datasets.index(one[0]), attacks.index(one[1]), one[2]),
    )
    images, parameters = _Numbered(), _Numbered()
    places = {condition: index for index, condition in enumerate(known)}
    entrants = [_entrant(entrant, places, images, parameters) for entrant in by_name(board.entrants)]
    return {
        "start": asdict(start) if start else None,
        "datasets": [[name, dataset_name(name), name in stand_ins] for name in datasets],
        "attacks": [[name, attack_name(name), name in CONTROLS] for name in attacks],
        "conditions": [
            [datasets.index(dataset), attacks.index(attack), epsilon] for dataset, attack, epsilon in known
        ],
        "clean": attacks.index(CLEAN) if CLEAN in attacks else -1,
        "images": images.items(),
        "parameters": parameters.items(),
        "entrants": entrants,
        "layout": asdict(LAYOUT),
    }


class _Numbered:
    """Numbers things in the order in which they are first met."""

    def __init__(self) -> None:
        self._places: dict[Any, int] = {}

    def of(self, thing: Any) -> int:
        return self._places.setdefault(thing, len(self._places))

    def items(self) -> list[Any]:
        return list(self._places)


def _entrant(
    entrant: Entrant, places: dict[Condition, int], images: _Numbered, parameters: _Numbered
) -> dict[str, Any]:
    flat: list[Any] = []
    for condition, pair in sorted(conditions(entrant).items(), key=lambda item: places[item[0]]):
        decisive = pair.decisive
        flat += [
            places[condition],
            *_values(pair),
            images.of((decisive.images, decisive.limited)),
            parameters.of(decisive.parameters),
        ]
    words = (entrant.name, entrant.paper, *entrant.authors, str(entrant.year or ""))
    return {
        "text": " ".join(filter(None, words)),
        "year": entrant.year,
        "training": entrant.training,
        "unreliable": bool(entrant.unreliable),
        "doubts": len(entrant.doubts),
        "numbers": flat,
    }


def _values(pair: Pair) -> list[int | str | None]:
    """Reported, measured, and the bounds of the measured one; null for none, "-" where it is undefined."""
    return [
        _srocc(pair.reported),
        _srocc(pair.measured),
        _bound(pair.measured.low) if pair.measured else None,
        _bound(pair.measured.high) if pair.measured else None,
    ]


def _srocc(number: Number | None) -> int | str | None:
    if number is None:
        return None
    return "-" if math.isnan(number.srocc) else round(round(number.srocc, SROCC_DIGITS) * 10**SROCC_DIGITS)


def _bound(bound: float) -> int | None:
    return None if math.isnan(bound) else round(round(bound, BOUND_DIGITS) * 10**BOUND_DIGITS)
