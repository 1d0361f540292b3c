"""The leaderboard as files for programs: every number of every entrant, and every ranking."""

import json
import math
from collections.abc import Iterable, Sequence
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


def entrant_data(entrant: Entrant) -> dict[str, Any]:
    """Return an entrant with all its numbers, as the JSON file has it; None where a number is unknown."""
    numbers, moves = map(_plain, entrant.numbers), map(_plain, entrant.moves)
    return asdict(entrant) | {"numbers": [*numbers], "moves": [*moves]}


def ranking_data(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking: its threat, and the entrants in their order with their ranks."""
    standings = [_standing(one) for one in ranking.standings]
    return asdict(ranking.threat) | {"stand_in": ranking.stand_in, "standings": standings}


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


def json_text(board: Board, entrants: Iterable[dict[str, Any]], pages: Sequence[str]) -> str:
    """Return the JSON file of a board, given the data of its entrants and the names of the site's pages."""
    head = {"format": FORMAT, "pages": pages, "notes": board.notes}
    return f'{json.dumps(head)[:-1]}, "entrants": {lines_of(entrants)}}}\n'


def lines_of(values: Iterable[dict[str, Any]]) -> str:
    """Return some values as a JSON list with a line for each."""
    return "[\n" + ",\n".join(json.dumps(value, allow_nan=False) for value in values) + "\n]"


def _standing(standing: Standing) -> dict[str, Any]:
    number, ranks = _plain(standing.robust.decisive), standing.ranks
    return {
        "slug": standing.entrant.slug,
        **(ranks._asdict() if ranks else dict.fromkeys(Ranks._fields)),
        **{name: number[name] for name in ("kind", "attack", "worst_case", "srocc", "low", "high")},
    }


def _plain(one: Number | Move) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(one).items()
    }
