"""The leaderboard as a static site: rankings, a page per model, database and attack, and all to download."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....bench.core.files import regular, write_text
from ...catalogue import Kind, attack_name, dataset_name, ordered
from ..board import Board
from ..ranking import ALL, CLEAN, Ranking, Standing, opening, rankings
from ..slugs import slugs
from .changes import changes
from .download import FORMAT, csv_text, entrant_data, json_text, lines_of, ranking_data
from .model_page import render_model
from .overview import render_attack, render_database
from .payload import looks_of
from .ranking_page import render_rankings

_SLUG = re.compile(r"[a-z0-9-]+")
_PAGE = re.compile(r"(models|databases|attacks)/[a-z0-9-]+\.html")


def write_site(board: Board, out: Path) -> Path:
    """Write the site of a board into a folder.

    `index.html` has the rankings; `models`, `databases` and `attacks` hold a page for each entrant, database
    and attack; `leaderboard.csv` and `leaderboard.json` all numbers, `rankings.json` all rankings, and
    `changes.json` what changed since the former build in the folder. Pages that the former build had and this
    one has not are removed.

    Returns:
        The path of `index.html`.

    Raises:
        ValueError: a slug that is not `[a-z0-9-]+`, or that of two entrants.
    """
    of_entrants = [entrant.slug for entrant in board.entrants]
    if len(set(of_entrants)) < len(of_entrants) or not all(map(_SLUG.fullmatch, of_entrants)):
        raise ValueError("slugs must be [a-z0-9-]+, each of one entrant only")
    former, ranked, looks = _former(out), rankings(board), looks_of(board)
    of_moves = {move.dataset for entrant in board.entrants for move in entrant.moves}
    databases = _addresses("databases", "dataset", {one.threat.dataset for one in ranked} | of_moves)
    methods = _addresses("attacks", "attack", {one.threat.attack for one in ranked} - {ALL, CLEAN})
    standings = _standings(ranked)
    now = {"entrants": [*map(entrant_data, board.entrants)], "rankings": [*map(ranking_data, ranked)]}
    changed = _changed(former, now, opening(ranked), out)
    overviews = {
        "Databases": {dataset_name(name): page for name, page in databases.items()},
        "Attacks": {attack_name(name): page for name, page in methods.items()},
    }
    pages = {
        **{
            f"models/{one.slug}.html": render_model(one, looks, standings[one.slug]) for one in board.entrants
        },
        **{page: render_database(name, ranked, methods, board) for name, page in databases.items()},
        **{page: render_attack(name, ranked, databases, board) for name, page in methods.items()},
        "index.html": render_rankings(board, ranked, overviews, changed),
    }
    for page, text in pages.items():
        write_text(out / page, text)
    if changed:
        write_text(out / "changes.json", json.dumps(changed, indent=1) + "\n")
    write_text(out / "rankings.json", lines_of(now["rankings"]) + "\n")
    write_text(out / "leaderboard.csv", csv_text(board))
    for page in _pages_of(former) - set(pages):
        (out / page).unlink(missing_ok=True)
    write_text(out / "leaderboard.json", json_text(board, now["entrants"], list(pages)))
    return out / "index.html"


def _addresses(folder: str, kind: Kind, names: Iterable[str]) -> dict[str, str]:
    found = slugs(ordered(kind, names), folder.removesuffix("s"))
    return {name: f"{folder}/{slug}.html" for name, slug in found.items()}


def _standings(ranked: Sequence[Ranking]) -> Mapping[str, list[tuple[Ranking, Standing]]]:
    """Return where each entrant stands, by its slug."""
    found: dict[str, list[tuple[Ranking, Standing]]] = defaultdict(list)
    for ranking in ranked:
        for standing in ranking.standings:
            found[standing.entrant.slug].append((ranking, standing))
    return found


def _former(out: Path) -> dict[str, Any]:
    """Return `leaderboard.json` and `rankings.json` of a former build; empty where it is not one of ours."""
    former = _read(out / "leaderboard.json")
    ours = isinstance(former, dict) and former.get("format") == FORMAT
    return former | {"rankings": _read(out / "rankings.json") or []} if ours else {}


def _pages_of(former: Mapping[str, Any]) -> set[str]:
    """Return the pages of a former build that may be removed."""
    named = former.get("pages")
    pages = named if isinstance(named, list) else []
    return {page for page in pages if isinstance(page, str) and _PAGE.fullmatch(page)}


def _changed(
    former: Mapping[str, Any], now: Mapping[str, Any], shown: Ranking | None, out: Path
) -> dict[str, Any]:
    """Return what this build changed, or else the last build that changed anything; empty for none."""
    try:
        if former and (sentences := list(changes(former, now, shown))):
            return {"date": datetime.now(UTC).date().isoformat(), "sentences": sentences}
        kept = _read(out / "changes.json") or {}
        return (
            {"date": str(kept["date"]), "sentences": [str(one) for one in kept["sentences"]]} if kept else {}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(path: Path) -> Any:
    """Return what a JSON file holds, None where it cannot be read."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
