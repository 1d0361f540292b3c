"""The leaderboard as files for programs: every number of every entrant, a row each."""

import json
import math
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from ...formats.csv import neutral
from ..board import Board, Entrant, Number

FORMAT = "iqabench leaderboard"
"""What the JSON file says it is, under the key `format`."""

_OF_ENTRANT = ("slug", "name", "paper", "year", "training", "unreliable")
COLUMNS = (*_OF_ENTRANT, *(field.name for field in fields(Number)))
"""Of the CSV file: who it is, then the attributes of `Number`."""


def csv_text(board: Board) -> str:
    """All numbers with `COLUMNS`; empty where something is not known or undefined, seeds apart by spaces.

    Texts are those that no spreadsheet takes for a formula: see `reports/formats/csv.py`.
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


def json_text(board: Board) -> str:
    """The whole board; null where a number is not known or undefined."""
    entrants = ",\n".join(json.dumps(_entrant(entrant), allow_nan=False) for entrant in board.entrants)
    notes = json.dumps(board.notes)
    return f'{{"format": {json.dumps(FORMAT)}, "notes": {notes}, "entrants": [\n{entrants}\n]}}\n'


def _entrant(entrant: Entrant) -> dict[str, Any]:
    return asdict(entrant) | {"numbers": [_plain(number) for number in entrant.numbers]}


def _plain(number: Number) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(number).items()
    }
