"""The page of a model: its curves, all its numbers, reported and measured, and its red flags."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, zip_longest
from typing import Any
from urllib.parse import urlsplit

from ....bench.core.text import difference, number
from ...catalogue import AUTO, attack_name, dataset_name, dataset_note, ordered
from ...published.bibtex import bibtex, bibtex_of_iqabench
from ..board import Entrant, Number
from ..ranking import ALL, Ranking, Standing
from .overview import cell, moves_in_words
from .pages import UNKNOWN, believe, render, srocc
from .payload import curves_data

_SCRIPTS = ("data.js", "chart.js")


def render_model(
    entrant: Entrant, looks: Mapping[str, int], standings: Sequence[tuple[Ranking, Standing]]
) -> str:
    """Render the page of an entrant, given the looks of all attacks of the board, and where it stands."""
    sections: list[dict[str, Any]] = []
    for index, dataset in enumerate(ordered("dataset", (one.dataset for one in entrant.numbers))):
        mine = [one for one in entrant.numbers if one.dataset == dataset]
        sections.append(
            {
                "index": index,
                "kinds": [kind for kind in ("measured", "reported") if any(one.kind == kind for one in mine)],
                "name": dataset_name(dataset),
                "stand_in": any(one.stand_in for one in mine),
                "note": dataset_note(dataset),
                "believe": believe(mine),
                "rows": list(_conditions(mine)),
            }
        )
    sections.sort(key=lambda section: "measured" not in section["kinds"])
    links = [(what, url if _leads_to_the_web(url) else "", url) for what, url in entrant.links]
    data = curves_data([entrant], looks)
    shown = {
        "entrant": entrant,
        "links": links,
        "sections": sections,
        "moves": [
            _moves(entrant, name) for name in ordered("dataset", (one.dataset for one in entrant.moves))
        ],
        "citation": _citation(entrant),
        "judged": sorted(_judged(standings), key=lambda row: row["robust"]["kind"]),  # measured first
    }
    return render("model.html.j2", _SCRIPTS, data, **shown)


def _moves(entrant: Entrant, dataset: str) -> dict[str, Any]:
    mine = [(entrant, move) for move in entrant.moves if move.dataset == dataset]
    return {"name": dataset_name(dataset), "note": dataset_note(dataset), "rows": moves_in_words(mine)}


def _judged(standings: Sequence[tuple[Ranking, Standing]]) -> Iterable[dict[str, Any]]:
    """Yield a row for each dataset and epsilon: the worst case under `auto`, or else of all its attacks."""
    for dataset, group in groupby(standings, key=lambda one: one[0].threat.dataset):
        here = list(group)
        of_auto = any(
            one.threat.attack == AUTO and standing.robust.decisive.worst_case for one, standing in here
        )
        for ranking, standing in here:
            if ranking.threat.attack != (AUTO if of_auto else ALL):
                continue
            deciding, ranks = standing.robust.decisive, standing.ranks
            yield {
                "dataset": dataset_name(dataset),
                "stand_in": ranking.stand_in,
                "epsilon": f"{ranking.threat.epsilon:g}/255",
                "clean": cell(standing.clean),
                "robust": cell(standing.robust),
                "attack": _attack(deciding.attack, [deciding]),
                "width": number(deciding.width, 3),
                "rank": f"{ranks.rank} of {len(ranking.standings)}" if ranks else UNKNOWN,
                "open": f"{ranks.best}–{ranks.worst}" if ranks and ranks.best != ranks.worst else "",
                "audit": standing.entrant.audit_on(dataset) or "none",
            }


def _citation(entrant: Entrant) -> str:
    """Return BibTeX of iqabench and of the paper that the model is from, if it names one."""
    if not entrant.paper:
        return bibtex_of_iqabench()
    address = next((url for what, url in entrant.links if what == "Paper" and _leads_to_the_web(url)), "")
    paper = bibtex(entrant.paper, entrant.authors, entrant.year, address)
    return f"{paper}\n\n{bibtex_of_iqabench()}"


def _conditions(numbers: Iterable[Number]) -> Iterable[dict[str, Any]]:
    """Yield the rows of a table on one dataset: a reported and a measured number of one condition."""
    known = list(numbers)
    for attack in ordered("attack", (one.attack for one in known)):
        for epsilon in sorted({one.epsilon for one in known if one.attack == attack}):
            mine = [one for one in known if (one.attack, one.epsilon) == (attack, epsilon)]
            reported = [one for one in mine if one.kind == "reported"]
            measured = [one for one in mine if one.kind == "measured"]
            for pair in zip_longest(reported, measured):
                yield {"attack": _attack(attack, mine), "epsilon": f"{epsilon:g}", **_row(*pair)}


def _attack(attack: str, numbers: Iterable[Number]) -> str:
    return f"{attack_name(attack)}{' (worst case)' if any(one.worst_case for one in numbers) else ''}"


def _row(reported: Number | None, measured: Number | None) -> dict[str, Any]:
    both = [known for known in (reported, measured) if known]
    return {
        "reported": _metrics(reported),
        "measured": _metrics(measured),
        "gap": _gap(reported, measured),
        "images": _joined(map(_images, both)),
        "seeds": _joined(", ".join(map(str, known.seeds)) for known in both),
        "parameters": _joined(known.parameters for known in both),
        "source": _joined(known.source for known in both),
    }


def _images(known: Number) -> str:
    if known.images is None:
        return ""
    return f"{known.images}{' (a part)' if known.limited else ''}"


def _joined(texts: Iterable[str]) -> str:
    """Join what a reported and a measured number have in a column, once where it is the same."""
    return "; ".join(dict.fromkeys(filter(None, texts))) or UNKNOWN


def _gap(reported: Number | None, measured: Number | None) -> str:
    """Return measured minus reported SROCC, as it is printed."""
    if reported is None or measured is None or math.isnan(reported.srocc + measured.srocc):
        return UNKNOWN
    return difference(measured.srocc, reported.srocc)


def _metrics(known: Number | None) -> list[tuple[str, str]]:
    """Return (number, interval) of SROCC, PLCC and MSE."""
    others = (UNKNOWN, UNKNOWN) if known is None else (number(known.plcc), number(known.mse))
    return [srocc(known), *((text, "") for text in others)]


def _leads_to_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
