"""The page of a database and the page of an attack: each model's numbers over epsilon, best first."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ...catalogue import AUTO, STAND_IN, attack_name, dataset_name, dataset_note, ordered
from ..board import Board, Entrant, Move
from ..ranking import CLEAN, Ranking, Threat, by_name
from .pages import believe, render
from .payload import label


def render_database(dataset: str, rankings: Sequence[Ranking], links: Mapping[str, str], board: Board) -> str:
    """Render the page of a database: a table for each attack, and one of what moves scores without labels."""
    mine = [one for one in rankings if one.threat.dataset == dataset]
    stands_in = any(one.stand_in for one in mine)
    moves = [(one, move) for one in by_name(board.entrants) for move in one.moves if move.dataset == dataset]
    return render(
        "overview.html.j2",
        (),
        {},
        title=dataset_name(dataset),
        lead=f"{dataset_name(dataset)} {STAND_IN}." if stands_in else dataset_note(dataset),
        believe=believe(one for one in board.numbers if one.dataset == dataset),
        sections=list(_sections(mine, lambda threat: (label(threat.attack), links.get(threat.attack)))),
        moves=least_moved_first(moves),
    )


def render_attack(attack: str, rankings: Sequence[Ranking], links: Mapping[str, str], board: Board) -> str:
    """Render the page of an attack: a table for each database, and the attack's parameters."""
    mine = [one for one in rankings if one.threat.attack == attack]
    used = dict.fromkeys(standing.robust.decisive.parameters for one in mine for standing in one.standings)
    told = "; ".join(filter(None, used))
    return render(
        "overview.html.j2",
        (),
        {},
        title=attack_name(attack),
        lead=f"Parameters of measured numbers: {told}." if told else "",
        believe=believe(one for one in board.numbers if one.attack in (AUTO, attack)),
        sections=list(_sections(mine, lambda threat: (dataset_name(threat.dataset), links[threat.dataset]))),
        moves=[],
    )


def least_moved_first(moves: Iterable[tuple[Entrant, Move]]) -> list[tuple[Entrant, Move]]:
    """Sort how far attacks move scores by attack and epsilon, then the least moved first."""
    known = list(moves)
    attacks = ordered("attack", (move.attack for _, move in known))

    def place(one: tuple[Entrant, Move]) -> tuple[int, float, float]:
        move = one[1]
        return attacks.index(move.attack), move.epsilon, math.inf if math.isnan(move.r) else -move.r

    return sorted(known, key=place)


def _sections(
    rankings: Iterable[Ranking], headed: Callable[[Threat], tuple[str, str | None]]
) -> Iterator[dict[str, Any]]:
    """Yield a table for each dataset and attack: a row for each model, a column for each epsilon.

    A row has the standing of its model in each ranking, or None; rows stand as in the first ranking. Clean
    images are a column of each table.
    """
    for (_, attack), group in groupby(rankings, key=lambda one: (one.threat.dataset, one.threat.attack)):
        if attack == CLEAN:
            continue
        by_epsilon = list(group)
        standings = [{one.entrant.slug: one for one in ranking.standings} for ranking in by_epsilon]
        heading, link = headed(by_epsilon[0].threat)
        yield {
            "heading": heading,
            "link": link,
            "ranking": by_epsilon[0],
            "epsilons": [f"{ranking.threat.epsilon:g}/255" for ranking in by_epsilon],
            "rows": [
                [ranked.get(slug) for ranked in standings]
                for slug in dict.fromkeys(slug for ranked in standings for slug in ranked)
            ],
        }
