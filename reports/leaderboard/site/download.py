"""The leaderboard as files for programs: every number of every entrant, and every ranking."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from ...formats.csv import neutral
from ..board import Board, Entrant, Move, Number
from ..ranking import Ranking, Ranks, Standing

FORMAT = "iqabench leaderboard"  # value of the key `format` of the JSON file

_OF_ENTRANT = ("slug", "name", "paper", "year", "training", "unreliable", "audit")
COLUMNS = (*_OF_ENTRANT, *(field.name for field in fields(Number)))
"""Columns of the CSV file: attributes of the entrant, then those of `Number`."""


def csv_text(board: Board) -> str:
    """Return all numbers on images with labels, with `COLUMNS`; empty where one is unknown or undefined.

    Seeds are separated by spaces. Texts are those that no spreadsheet takes for a formula: see
    `reports/formats/csv.py`.
    """
    rows = [
        {name: getattr(entrant, name) for name in _OF_ENTRANT}
        | _plain(number)
        | {"seeds": " ".join(map(str, number.seeds))}
        for entrant in board.entrants
        for number in entrant.numbers
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return neutral(table).to_csv(index=False, lineterminator="\n")


def json_text(board: Board, pages: Sequence[str]) -> str:
    """Return the whole board and the names of the site's pages; null where a number is unknown."""
    entrants = ",\n".join(json.dumps(_entrant(entrant), allow_nan=False) for entrant in board.entrants)
    head = {"format": FORMAT, "pages": pages, "notes": board.notes}
    return f'{json.dumps(head)[:-1]}, "entrants": [\n{entrants}\n]}}\n'


def rankings_text(rankings: Sequence[Ranking]) -> str:
    """Return all rankings, a line for each: its threat, and the entrants in their order with their ranks."""
    lines = (
        asdict(ranking.threat)
        | {"stand_in": ranking.stand_in, "standings": [_standing(one) for one in ranking.standings]}
        for ranking in rankings
    )
    return "[\n" + ",\n".join(json.dumps(line, allow_nan=False) for line in lines) + "\n]\n"


def _standing(standing: Standing) -> dict[str, Any]:
    number, ranks = _plain(standing.robust.decisive), standing.ranks
    return {
        "slug": standing.entrant.slug,
        **(ranks._asdict() if ranks else dict.fromkeys(Ranks._fields)),
        **{name: number[name] for name in ("kind", "attack", "worst_case", "srocc", "low", "high")},
    }


def _entrant(entrant: Entrant) -> dict[str, Any]:
    numbers, moves = map(_plain, entrant.numbers), map(_plain, entrant.moves)
    return asdict(entrant) | {"numbers": [*numbers], "moves": [*moves]}


def _plain(one: Number | Move) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(one).items()
    }
