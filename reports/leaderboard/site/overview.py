"""The page of a database and the page of an attack: each model's numbers over epsilon, best first."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ....bench.core.text import number
from ....bench.store.condition import attack_phrase
from ...catalogue import AUTO, STAND_IN, attack_name, dataset_name, dataset_note, ordered
from ..board import Board, Entrant, Move, Number
from ..ranking import CLEAN, Pair, Ranking, by_name
from .pages import UNKNOWN, believe, render, srocc
from .payload import label

Rows = Sequence[dict[str, Any]]

_MOVES = ("width", "rise", "fall", "r", "psnr", "ssim")  # attributes of `Move` in the order of the columns


def render_database(dataset: str, rankings: Sequence[Ranking], links: Mapping[str, str], board: Board) -> str:
    """Render the page of a database: a table for each attack, and one of what moves scores without labels."""
    mine = [one for one in rankings if one.threat.dataset == dataset]
    sections = [
        _section(label(one[0].threat.attack), links.get(one[0].threat.attack), one)
        for one in _by_attack(mine)
    ]
    stands_in = any(one.stand_in for one in mine)
    lead = f"{dataset_name(dataset)} {STAND_IN}." if stands_in else dataset_note(dataset)
    moved = [(one, move) for one in by_name(board.entrants) for move in one.moves if move.dataset == dataset]
    numbers = [one for one in board.numbers if one.dataset == dataset]
    return _render(dataset_name(dataset), lead, numbers, sections, moves_in_words(moved))


def moves_in_words(moves: Sequence[tuple[Entrant, Move]]) -> list[dict[str, Any]]:
    """Return rows of how far attacks move scores, by attack and epsilon, the least moved first."""
    attacks = ordered("attack", (move.attack for _, move in moves))

    def place(one: tuple[Entrant, Move]) -> tuple[int, float, float]:
        move = one[1]
        return attacks.index(move.attack), move.epsilon, math.inf if math.isnan(move.r) else -move.r

    return [
        {
            "entrant": entrant,
            "condition": attack_phrase(move.attack, move.epsilon, attack_name),
            "cells": [number(getattr(move, name), 3) for name in _MOVES],
            "images": UNKNOWN if move.images is None else str(move.images),
            "source": _source(move),
        }
        for entrant, move in sorted(moves, key=place)
    ]


def _source(move: Move) -> str:
    if move.kind == "reported":
        return move.source
    return f"measured elsewhere by {move.measured_by}" if move.measured_by else "measured"


def render_attack(attack: str, rankings: Sequence[Ranking], links: Mapping[str, str], board: Board) -> str:
    """Render the page of an attack: a table for each database, and the attack's parameters."""
    mine = [one for one in rankings if one.threat.attack == attack]
    sections = [
        _section(dataset_name(one[0].threat.dataset), links[one[0].threat.dataset], one)
        for one in _by_attack(mine)
    ]
    used = dict.fromkeys(standing.robust.decisive.parameters for one in mine for standing in one.standings)
    told = "; ".join(filter(None, used))
    lead = f"Parameters of measured numbers: {told}." if told else ""
    numbers = [one for one in board.numbers if one.attack in (AUTO, attack)]
    return _render(attack_name(attack), lead, numbers, sections)


def _render(title: str, lead: str, numbers: Sequence[Number], tables: Rows, moves: Rows = ()) -> str:
    shown = {"title": title, "lead": lead, "believe": believe(numbers), "sections": tables, "moves": moves}
    return render("overview.html.j2", (), {}, **shown)


def _by_attack(rankings: Sequence[Ranking]) -> list[list[Ranking]]:
    """Return the rankings of each dataset and attack, by epsilon; clean images are a column of each."""
    found = groupby(rankings, key=lambda one: (one.threat.dataset, one.threat.attack))
    return [list(group) for (_, attack), group in found if attack != CLEAN]


def _section(heading: str, link: str | None, group: Sequence[Ranking]) -> dict[str, Any]:
    """Return a table: a row for each model in the order of the first ranking, a column for each epsilon."""
    threat = group[0].threat
    standings = {one.entrant.slug: one for ranking in reversed(group) for one in ranking.standings}
    order = dict.fromkeys(one.entrant.slug for ranking in group for one in ranking.standings)
    by_epsilon = [{one.entrant.slug: one for one in ranking.standings} for ranking in group]
    return {
        "heading": heading,
        "link": link,
        "stand_in": group[0].stand_in,
        "epsilons": [f"{ranking.threat.epsilon:g}/255" for ranking in group],
        "ranking": {"dataset": threat.dataset, "attack": threat.attack, "epsilon": f"{threat.epsilon:g}"},
        "rows": [
            {
                "rank": str(first.ranks.rank)
                if (first := by_epsilon[0].get(slug)) and first.ranks
                else UNKNOWN,
                "entrant": standings[slug].entrant,
                "doubtful": standings[slug].entrant.is_doubtful(threat.dataset),
                "cells": [
                    cell(standings[slug].clean),
                    *(cell(ranked[slug].robust if slug in ranked else None) for ranked in by_epsilon),
                ],
            }
            for slug in order
        ],
    }


def cell(pair: Pair | None) -> dict[str, str]:
    """Return SROCC, its interval and whether it is reported, as text."""
    if pair is None:
        return {"text": UNKNOWN, "interval": "", "kind": ""}
    text, interval = srocc(pair.decisive)
    return {"text": text, "interval": interval, "kind": "" if pair.measured else "reported"}
