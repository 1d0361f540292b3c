"""Rankings of models under a threat. Numbers are compared as printed: SROCC at 4 digits, bounds at 3."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..catalogue import AUTO, ordered
from .board import Board, Condition, Entrant, Kind, Number

CLEAN = "none"
ALL = "all"  # stands for the attack that lowers a model's SROCC most, of those that were tried on it

SROCC_DIGITS = 4
BOUND_DIGITS = 3


@dataclass(frozen=True)
class Threat:
    """The threat that a ranking is under."""

    dataset: str  # registered name, or that of a CSV file
    attack: str  # registered name, `all` for the worst of the attacks, or `none` for clean images
    epsilon: float  # radius of the L-inf ball in units of 1/255; 0 for clean images


@dataclass(frozen=True)
class Pair:
    """The reported and the measured number of an entrant under one condition; at least one is known."""

    reported: Number | None = None
    measured: Number | None = None

    @property
    def decisive(self) -> Number:
        """The number that ranks: the measured one, also where it is undefined, else the reported one."""
        number = self.measured or self.reported
        assert number is not None
        return number


class Ranks(NamedTuple):
    """A rank from 1, and what the intervals leave open."""

    rank: int  # equal numbers share the better rank
    best: int  # the rank if every entrant whose interval overlaps this one's were behind it
    worst: int  # the rank if all of them were before it

    @property
    def open(self) -> str:
        """The ranks that are open, as in `2–4`; empty where there is one only."""
        return "" if self.best == self.worst else f"{self.best}–{self.worst}"


@dataclass(frozen=True)
class Standing:
    """An entrant's line in a ranking."""

    entrant: Entrant
    ranks: Ranks | None  # its rank; None where its number is undefined
    robust: Pair  # the numbers that rank it; under the worst of the attacks, those under the deciding attack
    clean: Pair | None  # those of the same dataset without attack; None where there are none
    attacks: int  # how many of the ranking's attacks it has numbers under


@dataclass(frozen=True)
class Ranking:
    """All entrants under a threat."""

    threat: Threat
    standings: tuple[Standing, ...]  # best first; those whose number is undefined are last, without rank
    absent: tuple[Entrant, ...]  # entrants without a number under it
    attacks: int  # how many attacks it takes into account
    stand_in: bool  # whether the dataset stands in for a database

    @property
    def worst_cases(self) -> int:
        """Number of its worst cases, which interval attacks give."""
        return sum(standing.robust.decisive.worst_case for standing in self.standings)


def rankings(board: Board) -> list[Ranking]:
    """Return every ranking of a board: per dataset `auto`, all attacks, each attack, and clean images last.

    Under the worst of the attacks an entrant's number is its lowest over the attacks at that epsilon, where
    each attack's measured number comes before its reported one. Of several numbers of one kind under one
    condition the lowest counts, and undefined (constant scores) is lower than any. What is under a control
    is not ranked.
    """
    known = [
        (entrant, {key: pair for key, pair in pairs(entrant).items() if not pair.decisive.control})
        for entrant in by_name(board.entrants)
    ]
    stand_ins = {number.dataset for number in board.numbers if number.stand_in}
    conditions = {condition for _, numbers in known for condition in numbers}
    found = []
    for dataset in ordered("dataset", (condition[0] for condition in conditions)):
        mine = {condition[1:] for condition in conditions if condition[0] == dataset}
        for threat, attacks in _threats(dataset, mine):
            found.append(_rank(known, threat, attacks, dataset in stand_ins))
    return found


def opening(found: Sequence[Ranking]) -> Ranking | None:
    """Choose the ranking that a board opens with.

    It is one under an interval attack if there is a worst case, else under the worst of the attacks, else of
    clean images. Of several it is the one with most measured numbers; among equals `auto` comes first, then
    databases before stand-ins, then what most entrants have a number under.
    """
    of_intervals = [ranking for ranking in found if ranking.threat.attack != ALL and ranking.worst_cases]
    of_all = [ranking for ranking in found if ranking.threat.attack == ALL]
    return max(
        of_intervals or of_all or found,
        key=lambda ranking: (
            sum(standing.robust.measured is not None for standing in ranking.standings),
            ranking.threat.attack == AUTO,
            not ranking.stand_in,
            len(ranking.standings),
        ),
        default=None,
    )


def pairs(entrant: Entrant) -> dict[Condition, Pair]:
    """Return an entrant's numbers by condition; of several numbers of a kind the lowest."""
    found: dict[Condition, dict[Kind, Number]] = {}
    for number in entrant.numbers:
        kinds = found.setdefault(number.condition, {})
        kinds[number.kind] = min(kinds.get(number.kind, number), number, key=_value)
    return {condition: Pair(**kinds) for condition, kinds in found.items()}


def by_name(entrants: Iterable[Entrant]) -> list[Entrant]:
    """Sort entrants by name, whatever its case; those whose numbers tie stand in this order."""
    return sorted(entrants, key=lambda entrant: (entrant.name.casefold(), entrant.slug))


def _threats(dataset: str, known: set[tuple[str, float]]) -> Iterable[tuple[Threat, list[str]]]:
    """Yield the threats of a dataset with their attacks, given the (attack, epsilon) of its numbers.

    `auto` comes first, then the worst of the attacks, each other attack, and clean images.
    """
    real = {(attack, epsilon) for attack, epsilon in known if attack != CLEAN}
    attacks = ordered("attack", (attack for attack, _ in real))
    for attack in sorted({ALL, *attacks} if attacks else (), key=[AUTO, ALL, *attacks].index):
        faced = attacks if attack == ALL else [attack]
        for epsilon in sorted({epsilon for name, epsilon in real if name in faced}):
            yield Threat(dataset, attack, epsilon), [name for name in faced if (name, epsilon) in real]
    if (CLEAN, 0) in known:
        yield Threat(dataset, CLEAN, 0.0), [CLEAN]


def _rank(
    known: Sequence[tuple[Entrant, Mapping[Condition, Pair]]],
    threat: Threat,
    attacks: Sequence[str],
    stand_in: bool,
) -> Ranking:
    standings, absent = [], []
    for entrant, numbers in known:
        conditions = [(threat.dataset, attack, threat.epsilon) for attack in attacks]
        tried = [numbers[condition] for condition in conditions if condition in numbers]
        if tried:
            robust = min(tried, key=lambda pair: _value(pair.decisive))
            clean = numbers.get((threat.dataset, CLEAN, 0.0))
            standings.append(Standing(entrant, None, robust, clean, len(tried)))
        else:
            absent.append(entrant)
    standings.sort(key=lambda one: -_value(one.robust.decisive))
    ranks = _ranks([_interval(one.robust.decisive) for one in standings])
    ranked = (replace(one, ranks=rank) for one, rank in zip(standings, ranks, strict=True))
    return Ranking(threat, tuple(ranked), tuple(absent), len(attacks), stand_in)


def _value(number: Number) -> float:
    """Return SROCC as it is printed; undefined is lower than any."""
    return -math.inf if math.isnan(number.srocc) else round(number.srocc, SROCC_DIGITS)


def _interval(number: Number) -> tuple[float, float, float]:
    """Return lower bound, value and upper bound; a number without interval is a point."""
    value = _value(number)
    if math.isnan(number.low) or math.isnan(number.high):
        return value, value, value
    return round(number.low, BOUND_DIGITS), value, round(number.high, BOUND_DIGITS)


def _ranks(intervals: Sequence[tuple[float, float, float]]) -> Iterable[Ranks | None]:
    """Yield the ranks of each of some intervals; None where the value is undefined."""
    defined = [interval for interval in intervals if interval[1] > -math.inf]
    lows, values, highs = (sorted(interval[part] for interval in defined) for part in range(3))
    for low, value, high in intervals:
        rank = 1 + len(defined) - bisect_right(values, value)
        best = 1 + len(defined) - bisect_right(lows, high)
        worst = len(defined) - bisect_left(highs, low)
        yield None if value == -math.inf else Ranks(rank, min(best, rank), max(worst, rank))
