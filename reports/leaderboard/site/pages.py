"""Parts that all pages of the leaderboard share: templates, styles, scripts, the look of numbers.

No page requests anything: script, data and styles are inside it, allowed by their digests. Texts come from
users; the templates escape them. They are given the board's own numbers and standings, which filters print.
"""

import json
import math
from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from ....bench.core.text import interval, listing, number, plural
from ....bench.store.condition import attack_phrase
from ... import formats
from ...catalogue import AUTO, attack_name, dataset_name, dataset_note
from ...formats.templating import environment, inline_script, policy_digest
from ...paper.wording import which_to_believe
from ..board import Entrant, Number
from ..ranking import BOUND_DIGITS, SROCC_DIGITS

UNKNOWN = "–"


def render(template: str, scripts: tuple[str, ...], data: dict[str, Any], **context: Any) -> str:
    """Render a template as a page.

    `scripts` are file names, in order; `data` is what the scripts read, `context` what the template reads.
    A page without scripts has no data.
    """
    style = _style()
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),
            style_digest=policy_digest(style),
            data=Markup(_embedded(data)),
            **_scripts(scripts),
            **context,
        )
    )


def believe(numbers: Iterable[Number]) -> str:
    """Say which of the attacks behind some numbers to believe, if worst cases under `auto` are among them."""
    known = list(numbers)
    has_auto = any(one.attack == AUTO and one.worst_case for one in known)
    controls = {one.attack for one in known if one.control}
    return which_to_believe({one.attack for one in known}, controls) if has_auto else ""


def _embedded(data: Any) -> str:
    """Return JSON for a script element: ASCII, in which nothing ends the element or begins a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _scripts(names: tuple[str, ...]) -> dict[str, Any]:
    return inline_script(__package__, *names)


@cache
def _environment() -> Environment:
    # Its own templates, and the style sheet of the reports.
    made = environment(__package__, formats.__name__, autoescape=True)
    made.filters |= {
        "attack": attack_name,
        "byline": _byline,
        "dataset": dataset_name,
        "dataset_note": dataset_note,
        "number": number,
        "phrase": lambda move: attack_phrase(move.attack, move.epsilon, attack_name),
        "plural": plural,
        "srocc": _srocc,
    }
    return made


@cache
def _style() -> str:
    return _environment().get_template("leaderboard.css").render()


def _srocc(known: Number | None) -> tuple[str, str]:
    """Return a number's SROCC and its interval, as they are printed."""
    if known is None:
        return UNKNOWN, ""
    if math.isnan(known.srocc):
        return "undefined", ""
    return number(known.srocc, SROCC_DIGITS), interval(known.low, known.high, BOUND_DIGITS)


def _byline(entrant: Entrant) -> str:
    authors = listing(entrant.authors) if len(entrant.authors) < 3 else f"{entrant.authors[0]} et al."
    return " ".join(filter(None, [authors, str(entrant.year or "")]))
