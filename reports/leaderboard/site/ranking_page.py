"""The page of rankings: one in full, for those without scripts too; its script shows the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...catalogue import attack_name, dataset_note
from ..board import Board
from ..ranking import CLEAN, Pair, Ranking, Standing, by_name, opening
from .pages import UNKNOWN, believe, render, srocc
from .payload import board_data, caption, note, ranked_by

_SCRIPTS = ("data.js", "chart.js", "glance.js", "hover.js", "leaderboard.js")


def render_rankings(
    board: Board,
    rankings: Sequence[Ranking],
    overviews: Mapping[str, Mapping[str, str]] | None = None,
    changed: Mapping[str, Any] | None = None,
) -> str:
    """Render the page of rankings of a board.

    `overviews` holds addresses by what they lead to and by name; `changed` the `date` and the `sentences` of
    the last build that changed anything.
    """
    ranking = opening(rankings)
    return render(
        "rankings.html.j2",
        _SCRIPTS,
        board_data(board, rankings, ranking),
        board=board,
        ranking=ranking,
        overviews=overviews or {},
        changed=changed,
        believe=believe(board.numbers),
        caption=caption(ranking) if ranking else "",
        note=dataset_note(ranking.threat.dataset) if ranking else "",
        ranked_by=ranked_by(ranking) if ranking else "",
        rows=_rows(ranking) if ranking else [],
        index={entrant.slug: index for index, entrant in enumerate(by_name(board.entrants))},
    )


def _rows(ranking: Ranking) -> list[dict[str, Any]]:
    """Return the rows of the table as text; entrants without a number are last, without cells."""
    rows = [_row(standing, ranking) for standing in ranking.standings]
    return rows + [{"entrant": entrant, "ranked": False} for entrant in ranking.absent]


def _row(standing: Standing, ranking: Ranking) -> dict[str, Any]:
    clean = ranking.threat.attack == CLEAN
    deciding, ranks = standing.robust.decisive, standing.ranks
    return {
        "entrant": standing.entrant,
        "ranked": True,
        "rank": str(ranks.rank) if ranks else UNKNOWN,
        "open": f"{ranks.best}–{ranks.worst}" if ranks and ranks.best != ranks.worst else "",
        "clean": _cells(standing.clean, decides=clean),
        "robust": _cells(None if clean else standing.robust, decides=True),
        "attack": UNKNOWN if clean else attack_name(deciding.attack),
        "attack_note": note(standing, ranking),
        "images": UNKNOWN if deciding.images is None else str(deciding.images),
        "limited": deciding.limited,
    }


def _cells(pair: Pair | None, *, decides: bool) -> list[dict[str, Any]]:
    """Return the measured and the reported number as text, the one that decides the rank marked."""
    return [
        {
            "text": srocc(known)[0],
            "interval": srocc(known)[1],
            "decides": decides and pair is not None and known is pair.decisive,
        }
        for known in ((pair.measured, pair.reported) if pair else (None, None))
    ]
