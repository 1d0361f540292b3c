"""Who stands where under a threat. Numbers are compared as printed: SROCC at 4 digits, bounds at 3."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..catalogue import controls, ordered
from .board import Board, Entrant, Kind, Number

Condition = tuple[str, str, float]
"""Dataset, attack and epsilon."""

CLEAN = "none"
CONTROLS = controls()
"""Attacks that are none: perturbations of the same size that do not look at the model."""

ALL = "all"
"""In the place of an attack's name: the one that takes most from an entrant, of those that it faced."""

SROCC_DIGITS = 4
BOUND_DIGITS = 3


@dataclass(frozen=True)
class Threat:
    """What a ranking is under.

    Attributes:
        dataset: Registered name, or that of a CSV file.
        attack: Registered name, `all` for the worst of the attacks, or `none` for clean images.
        epsilon: Radius of the L-inf ball in units of 1/255; 0 for clean images.
    """

    dataset: str
    attack: str
    epsilon: float


@dataclass(frozen=True)
class Pair:
    """What is known of an entrant under one attack: at least one of the two."""

    attack: str
    reported: Number | None = None
    measured: Number | None = None

    @property
    def decisive(self) -> Number:
        """The number that ranks: the measured one, also where it is undefined, else the reported one."""
        number = self.measured or self.reported
        assert number is not None
        return number


@dataclass(frozen=True)
class Place:
    """An entrant's line in a ranking.

    Attributes:
        entrant: Whose it is.
        rank: From 1; equal numbers share the better rank. None where the number is undefined.
        best: The rank if every entrant whose interval overlaps this one's were behind it.
        worst: The rank if all of them were before it.
        robust: The numbers that rank it; under the worst of the attacks, those under the deciding attack.
        clean: Those of the same dataset without attack; None where there are none.
        attacks: How many attacks it has numbers under, of those that the ranking takes into account.
    """

    entrant: Entrant
    rank: int | None
    best: int | None
    worst: int | None
    robust: Pair
    clean: Pair | None
    attacks: int

    @property
    def by(self) -> Kind:
        """Which kind of number ranks it."""
        return self.robust.decisive.kind


@dataclass(frozen=True)
class Ranking:
    """All entrants under a threat.

    Attributes:
        threat: The threat.
        places: Best first; those whose number is undefined are last, without rank.
        absent: Entrants without a number under it.
        attacks: How many attacks it takes into account.
        stand_in: Whether the dataset stands in for a database.
    """

    threat: Threat
    places: tuple[Place, ...]
    absent: tuple[Entrant, ...]
    attacks: int
    stand_in: bool


def rank(board: Board, threat: Threat) -> Ranking:
    """The ranking of a board under a threat.

    Under the worst of the attacks an entrant's number is its lowest over the attacks at that epsilon, each
    attack's measured number standing before its reported one. Of several numbers of one kind under one
    condition the lowest counts, and undefined (constant scores) is lower than any.
    """
    attacks = _attacks(board, threat)
    known = [(entrant, conditions(entrant)) for entrant in by_name(board.entrants)]
    faced = [(entrant, numbers, _faced(numbers, attacks, threat)) for entrant, numbers in known]
    deciding = [
        (entrant, min(pairs, key=_lowness), numbers.get((threat.dataset, CLEAN, 0.0)), len(pairs))
        for entrant, numbers, pairs in faced
        if pairs
    ]
    intervals = [_interval(robust.decisive) for _, robust, _, _ in deciding]
    places = tuple(
        Place(entrant, *_ranks(_interval(robust.decisive), intervals), robust, clean, count)
        for entrant, robust, clean, count in sorted(deciding, key=lambda item: -_lowness(item[1]))
    )
    absent = tuple(entrant for entrant, _, pairs in faced if not pairs)
    stand_in = any(number.stand_in for number in _numbers(board) if number.dataset == threat.dataset)
    return Ranking(threat, places, absent, len(attacks), stand_in)


def threats(board: Board) -> list[Threat]:
    """What a board can be ranked under: per dataset all attacks, each attack, and clean images last."""
    conditions = {(number.dataset, number.attack, number.epsilon) for number in _numbers(board)}
    found = []
    for dataset in ordered("dataset", (dataset for dataset, _, _ in conditions)):
        mine = {(attack, epsilon) for name, attack, epsilon in conditions if name == dataset}
        real = {(attack, epsilon) for attack, epsilon in mine if attack not in (CLEAN, *CONTROLS)}
        found += [Threat(dataset, ALL, epsilon) for epsilon in sorted({epsilon for _, epsilon in real})]
        for attack in ordered("attack", (attack for attack, _ in real)):
            found += [Threat(dataset, attack, epsilon) for name, epsilon in sorted(real) if name == attack]
        if (CLEAN, 0) in mine:
            found.append(Threat(dataset, CLEAN, 0.0))
    return found


def default_threat(board: Board) -> Threat | None:
    """What most entrants have a number under: databases before stand-ins, the worst of the attacks first."""
    stand_ins = {number.dataset for number in _numbers(board) if number.stand_in}
    faced = Counter(under for entrant in board.entrants for under in _attacked(entrant))
    possible = [threat for threat in threats(board) if threat.attack == ALL] or threats(board)
    return max(
        possible,
        key=lambda threat: (threat.dataset not in stand_ins, faced[threat.dataset, threat.epsilon]),
        default=None,
    )


def conditions(entrant: Entrant) -> dict[Condition, Pair]:
    """What is known of an entrant by (dataset, attack, epsilon); of several numbers of a kind the lowest."""
    found: dict[Condition, dict[Kind, list[Number]]] = {}
    for number in entrant.numbers:
        kinds = found.setdefault((number.dataset, number.attack, number.epsilon), {})
        kinds.setdefault(number.kind, []).append(number)
    return {
        condition: Pair(condition[1], _lowest(kinds.get("reported", [])), _lowest(kinds.get("measured", [])))
        for condition, kinds in found.items()
    }


def by_name(entrants: Iterable[Entrant]) -> list[Entrant]:
    """Entrants by name, whatever its case; those whose numbers tie stand in this order."""
    return sorted(entrants, key=lambda entrant: (entrant.name.casefold(), entrant.slug))


def _attacked(entrant: Entrant) -> set[tuple[str, float]]:
    """(dataset, epsilon) of the attacks that an entrant faced."""
    return {
        (number.dataset, number.epsilon)
        for number in entrant.numbers
        if number.attack not in (CLEAN, *CONTROLS)
    }


def _attacks(board: Board, threat: Threat) -> list[str]:
    if threat.attack != ALL:
        return [threat.attack]
    return ordered(
        "attack",
        (
            number.attack
            for number in _numbers(board)
            if (number.dataset, number.epsilon) == (threat.dataset, threat.epsilon)
            and number.attack not in (CLEAN, *CONTROLS)
        ),
    )


def _faced(numbers: Mapping[Condition, Pair], attacks: Sequence[str], threat: Threat) -> list[Pair]:
    pairs = [numbers.get((threat.dataset, attack, threat.epsilon)) for attack in attacks]
    return [pair for pair in pairs if pair is not None]


def _lowest(numbers: Sequence[Number]) -> Number | None:
    return min(numbers, key=lambda number: _value(number.srocc), default=None)


def _lowness(pair: Pair) -> float:
    return _value(pair.decisive.srocc)


def _value(srocc: float) -> float:
    """As it is printed; undefined is lower than any."""
    return -math.inf if math.isnan(srocc) else round(srocc, SROCC_DIGITS)


def _interval(number: Number) -> tuple[float, float, float]:
    """Lower bound, value and upper bound; a number without interval is a point."""
    value = _value(number.srocc)
    if math.isnan(number.low) or math.isnan(number.high):
        return value, value, value
    return round(number.low, BOUND_DIGITS), value, round(number.high, BOUND_DIGITS)


def _ranks(
    own: tuple[float, float, float], others: Sequence[tuple[float, float, float]]
) -> tuple[int | None, int | None, int | None]:
    """Rank, best and worst rank among all, itself included; None where its number is undefined."""
    low, value, high = own
    if value == -math.inf:
        return None, None, None
    defined = [other for other in others if other[1] > -math.inf]
    rank = 1 + sum(other > value for _, other, _ in defined)
    best = 1 + sum(other > high for other, _, _ in defined)
    worst = sum(other >= low for _, _, other in defined)
    return rank, min(best, rank), max(worst, rank)


def _numbers(board: Board) -> Iterable[Number]:
    return (number for entrant in board.entrants for number in entrant.numbers)
