"""Finds image names and scores in a spreadsheet or text table whose exact shape is not known beforehand."""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from ...core.errors import UserError
from .tables import IMAGE_SUFFIXES

SPREADSHEETS = {".xls", ".xlsx"}
SUFFIXES = SPREADSHEETS | {".csv", ".txt"}

Rows = list[list[str]]

_SCORE_HEADING = re.compile(r"mos|score", re.IGNORECASE)
_SPREAD_HEADING = re.compile(r"std|dev|var|conf|\bci", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"(-?\d+),(\d+)")


def read_score_sheet(
    file: Path, name: re.Pattern[str], heading: str | None = None
) -> list[tuple[str, float]] | None:
    """Read image names and scores from a file whose columns are known by their content.

    The names are in the column with most cells that match the pattern. The scores are in the only other
    one that is mostly numbers, or else in the only one of those whose heading has the word MOS or score. Of
    several sheets, the first with both counts.

    Args:
        file: `.xls` or `.xlsx`, or a text table separated by commas, semicolons, tabs or spaces. A decimal
            comma is understood where the comma does not separate.
        name: What an image name looks like, upper case, without folder and extension.
        heading: Heading of the column with the scores, where they cannot be told apart.

    Returns:
        Names, upper case, without folder and extension, and their scores, NaN where a cell is empty or not
        a number. None if no cell of the file holds an image name.

    Raises:
        UserError: the file cannot be read, or there are names but it is unclear which column has the scores.
    """
    unclear = None
    for rows in _sheets(file):
        counts = Counter(
            place for row in rows for place, cell in enumerate(row) if name.fullmatch(_bare_name(cell))
        )
        if counts:
            (column, _), *_ = counts.most_common(1)
            try:
                return _names_and_scores(rows, name, column, heading)
            except _UnclearError as error:
                unclear = unclear or error
    if unclear:
        raise UserError(f"{file}: {unclear}")
    return None


class _UnclearError(Exception):
    pass


def _sheets(file: Path) -> Iterator[Rows]:
    try:
        if file.suffix.lower() in SPREADSHEETS:
            sheets = pd.read_excel(file, sheet_name=None, header=None, dtype=str, engine="calamine")
            yield from (_decimal_points(sheet.fillna("").to_numpy().tolist()) for sheet in sheets.values())
            return
        lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except ImportError as error:
        needed = "pip install 'iqabench[spreadsheets]'"
        raise UserError(f"{file}: reading a spreadsheet needs `{needed}`") from error
    except Exception as error:  # a damaged spreadsheet fails in as many ways as it has bytes
        raise UserError(f"{file}: cannot be read as a table of scores: {error}") from error
    yield from (_decimal_points(csv.reader(lines, delimiter=separator)) for separator in "\t;")
    yield list(csv.reader(lines))
    yield _decimal_points(csv.reader((" ".join(line.split()) for line in lines), delimiter=" "))


def _decimal_points(rows: Iterable[list[str]]) -> Rows:
    return [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] for row in rows]


def _names_and_scores(
    rows: Rows, name: re.Pattern[str], column: int, heading: str | None
) -> list[tuple[str, float]]:
    named = [len(row) > column and name.fullmatch(_bare_name(row[column])) is not None for row in rows]
    top = named.index(True)
    headings = dict(enumerate(rows[top - 1])) if top else {}
    scored = [row for row, is_named in zip(rows, named, strict=True) if is_named]
    longest = max(map(len, scored))
    if 1 < len(list(filter(None, headings.values()))) < longest:
        raise _UnclearError(
            f"a row of {longest} fields under a heading of {len(headings)}, perhaps by a decimal comma"
        )
    names = [_bare_name(row[column]) for row in scored]
    others = {
        place: [_number(row[place]) if place < len(row) else math.nan for row in scored]
        for place in range(longest)
        if place != column
    }
    titles = {place: headings.get(place, "").strip() or f"column {place + 1}" for place in others}
    scores = others[_score_column(others, titles, heading)]
    return list(zip(names, scores, strict=True))


def _score_column(values: dict[int, list[float]], titles: dict[int, str], heading: str | None) -> int:
    if heading is not None:
        places = [place for place in values if titles[place] == heading]
    else:
        places = [place for place, column in values.items() if sum(map(math.isnan, column)) < len(column) / 2]
    if heading is None and len(places) > 1:
        headed = [place for place in places if _SCORE_HEADING.search(titles[place])]
        places = [place for place in headed if not _SPREAD_HEADING.search(titles[place])] or places
    if len(places) != 1:
        among = ", ".join(repr(title) for title in titles.values())
        raise _UnclearError(
            f"{'several columns' if places else 'no column'} could be the scores, among {among}; "
            "name the right one with `score_column`"
        )
    return places[0]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _bare_name(cell: str) -> str:
    name = PurePosixPath(cell.strip().strip("'").replace("\\", "/"))
    return (name.stem if name.suffix.lower() in IMAGE_SUFFIXES else name.name).upper()
