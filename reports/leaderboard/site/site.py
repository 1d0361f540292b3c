"""The leaderboard as a static site: a page of rankings, a page per model, and all of it to download."""

import json
import re
from pathlib import Path

from ....bench.core.files import regular, write_text
from ...catalogue import ordered
from ..board import Board
from ..ranking import CLEAN, rankings
from .download import FORMAT, csv_text, json_text, rankings_text
from .model_page import render_model
from .ranking_page import render_rankings

_SLUG = re.compile(r"[a-z0-9-]+")


def write_site(board: Board, out: Path) -> Path:
    """Write the site of a board into a folder.

    `index.html` has the rankings, `models/SLUG.html` a page per entrant, `leaderboard.csv` and
    `leaderboard.json` all numbers, `rankings.json` all rankings. Pages of entrants that a former build in
    the folder had and this one has not are removed.

    Returns:
        The path of `index.html`.

    Raises:
        ValueError: a slug that is not `[a-z0-9-]+`, or that of two entrants.
    """
    slugs = [entrant.slug for entrant in board.entrants]
    if len(set(slugs)) < len(slugs) or not all(map(_SLUG.fullmatch, slugs)):
        raise ValueError("slugs must be [a-z0-9-]+, each of one entrant only")
    attacks = ordered("attack", {number.attack for number in board.numbers} - {CLEAN})
    ranked = rankings(board)
    for entrant in board.entrants:
        write_text(_page(out, entrant.slug), render_model(entrant, attacks))
    write_text(out / "index.html", render_rankings(board, attacks, ranked))
    write_text(out / "rankings.json", rankings_text(ranked))
    write_text(out / "leaderboard.csv", csv_text(board))
    for slug in _formerly(out) - set(slugs):
        _page(out, slug).unlink(missing_ok=True)
    write_text(out / "leaderboard.json", json_text(board))
    return out / "index.html"


def _page(out: Path, slug: str) -> Path:
    return out / "models" / f"{slug}.html"


def _formerly(out: Path) -> set[str]:
    """Return the slugs of a former build in the folder; none where its JSON file is not one of ours."""
    try:
        former = json.loads(regular(out / "leaderboard.json").read_text(encoding="utf-8"))
        slugs = {entrant["slug"] for entrant in former["entrants"]} if former["format"] == FORMAT else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    return {slug for slug in slugs if isinstance(slug, str) and _SLUG.fullmatch(slug)}
