"""The page of rankings: one in full, for those without scripts too; its script shows the others."""

import json
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from ...catalogue import attack_name, dataset_name
from ..board import Board
from ..ranking import ALL, CLEAN, Pair, Place, Ranking, Threat, by_name, default_threat, rank
from .pages import UNKNOWN, digest, render, srocc
from .payload import payload

_SCRIPTS = ("ranking.js", "chart.js", "leaderboard.js")


def render_rankings(board: Board) -> str:
    """The page of rankings: one in full, the others for its script to show."""
    threat = default_threat(board)
    ranking = rank(board, threat) if threat else None
    script = "\n".join(map(_resource, _SCRIPTS))
    return render(
        "rankings.html.j2",
        script=Markup(script),
        script_digest=digest(script),
        payload=Markup(_embedded(payload(board, threat))),
        board=board,
        ranking=ranking,
        caption=_caption(ranking) if ranking else "",
        rows=_rows(ranking) if ranking else [],
        places={entrant.slug: place for place, entrant in enumerate(by_name(board.entrants))},
    )


def _resource(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


def _embedded(data: Any) -> str:
    """JSON for a script element: plain ASCII, in which nothing ends the element or begins a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _rows(ranking: Ranking) -> list[dict[str, Any]]:
    """The lines of the table as they read; entrants without a number are last, without cells."""
    rows = [_row(place, ranking) for place in ranking.places]
    return rows + [{"entrant": entrant, "ranked": False} for entrant in ranking.absent]


def _row(place: Place, ranking: Ranking) -> dict[str, Any]:
    clean = ranking.threat.attack == CLEAN
    deciding = place.robust.decisive
    return {
        "entrant": place.entrant,
        "ranked": True,
        "rank": UNKNOWN if place.rank is None else str(place.rank),
        "open": f"{place.best}–{place.worst}" if place.best != place.worst else "",
        "clean": _cells(place.clean, decides=clean),
        "robust": _cells(None if clean else place.robust, decides=True),
        "attack": UNKNOWN if clean else attack_name(place.robust.attack),
        "attack_note": _attack_note(place, ranking),
        "images": UNKNOWN if deciding.images is None else str(deciding.images),
        "limited": deciding.limited,
    }


def _cells(pair: Pair | None, *, decides: bool) -> list[dict[str, Any]]:
    """The reported and the measured number as they read, the one that decides the rank marked."""
    return [
        {
            "text": srocc(known)[0],
            "interval": srocc(known)[1],
            "decides": decides and pair is not None and known is pair.decisive,
        }
        for known in ((pair.reported, pair.measured) if pair else (None, None))
    ]


def _attack_note(place: Place, ranking: Ranking) -> str:
    if ranking.threat.attack == ALL:
        return (
            f"{'worst of' if place.attacks == ranking.attacks else f'{place.attacks} of'} {ranking.attacks}"
        )
    return place.robust.decisive.parameters


def _caption(ranking: Ranking) -> str:
    """What a ranking is under, in words; `leaderboard.js` says the same of those it shows."""
    threat = ranking.threat
    database = f"{dataset_name(threat.dataset)}{' (stand-in)' if ranking.stand_in else ''}"
    return f"{database}, {_under(threat)}"


def _under(threat: Threat) -> str:
    if threat.attack == CLEAN:
        return "no attack"
    attack = "worst of the attacks" if threat.attack == ALL else attack_name(threat.attack)
    return f"{attack}, ε = {threat.epsilon:g}/255"
