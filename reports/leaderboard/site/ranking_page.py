"""The page of rankings: one in full, for those without scripts too; its script shows the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...catalogue import dataset_note
from ..board import Board
from ..ranking import CLEAN, Ranking, by_name, opening
from .pages import believe, render
from .payload import board_data, caption, ranked_by, remark

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
        clean=ranking is not None and ranking.threat.attack == CLEAN,
        note=dataset_note(ranking.threat.dataset) if ranking else "",
        ranked_by=ranked_by(ranking) if ranking else "",
        remark=remark,
        index={entrant.slug: index for index, entrant in enumerate(by_name(board.entrants))},
    )
