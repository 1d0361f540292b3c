"""The page of a model: its curves, all its numbers, reported and measured, and its red flags."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from typing import Any
from urllib.parse import urlsplit

from ....bench.core.text import difference
from ...catalogue import AUTO, attack_name, dataset_name, dataset_note, ordered
from ...published.bibtex import bibtex, bibtex_of_iqabench
from ..board import Entrant, Number
from ..ranking import ALL, Ranking, Standing
from .overview import least_moved_first
from .pages import UNKNOWN, believe, render
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
    return render(
        "model.html.j2",
        _SCRIPTS,
        curves_data([entrant], looks),
        entrant=entrant,
        links=[(what, url if _leads_to_the_web(url) else "", url) for what, url in entrant.links],
        sections=sections,
        moves={
            dataset: least_moved_first((entrant, move) for move in entrant.moves if move.dataset == dataset)
            for dataset in ordered("dataset", (one.dataset for one in entrant.moves))
        },
        citation=_citation(entrant),
        judged=sorted(_judged(standings), key=lambda one: one[1].robust.measured is None),
    )


def _judged(standings: Sequence[tuple[Ranking, Standing]]) -> Iterator[tuple[Ranking, Standing]]:
    """Yield where it stands on each dataset at each epsilon: in the worst case of `auto`, or else of all."""
    for _, group in groupby(standings, key=lambda one: one[0].threat.dataset):
        by_attack = defaultdict(list)
        for ranking, standing in group:
            by_attack[ranking.threat.attack].append((ranking, standing))
        of_auto = any(standing.robust.decisive.worst_case for _, standing in by_attack[AUTO])
        yield from by_attack[AUTO if of_auto else ALL]


def _citation(entrant: Entrant) -> str:
    """Return BibTeX of iqabench and of the paper that the model is from, if it names one."""
    if not entrant.paper:
        return bibtex_of_iqabench()
    address = next((url for what, url in entrant.links if what == "Paper" and _leads_to_the_web(url)), "")
    paper = bibtex(entrant.paper, entrant.authors, entrant.year, address)
    return f"{paper}\n\n{bibtex_of_iqabench()}"


def _conditions(numbers: Sequence[Number]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table on one dataset: a reported and a measured number of one condition."""
    for attack in ordered("attack", (one.attack for one in numbers)):
        for epsilon in sorted({one.epsilon for one in numbers if one.attack == attack}):
            mine = [one for one in numbers if (one.attack, one.epsilon) == (attack, epsilon)]
            worst = " (worst case)" if any(one.worst_case for one in mine) else ""
            kinds = ([one for one in mine if one.kind == kind] for kind in ("reported", "measured"))
            for reported, measured in zip_longest(*kinds):
                both = [known for known in (reported, measured) if known]
                yield {
                    "attack": f"{attack_name(attack)}{worst}",
                    "epsilon": f"{epsilon:g}",
                    "reported": reported,
                    "measured": measured,
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


def _leads_to_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
