"""What all pages of the leaderboard share: templates, styles, and how numbers of theirs read.

No page asks for anything from anywhere: script and styles are inside it, allowed by their digests. Texts
are users' own; the templates escape them.
"""

import base64
import hashlib
import math
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from ....bench.core.text import interval, listing, number, plural
from ... import formats
from ...catalogue import attack_name
from ...figures.palette import themed
from ...formats.templating import environment
from ..board import Entrant, Number
from ..ranking import BOUND_DIGITS, SROCC_DIGITS

UNKNOWN = "–"


def render(template: str, **context: Any) -> str:
    """The text of a page."""
    return (
        _environment()
        .get_template(template)
        .render(style=Markup(_style()), style_digest=digest(_style()), **context)
    )


def digest(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def srocc(known: Number | None) -> tuple[str, str]:
    """A number's SROCC and its interval, as they read."""
    if known is None:
        return UNKNOWN, ""
    if math.isnan(known.srocc):
        return "undefined", ""
    return number(known.srocc, SROCC_DIGITS), interval(known.low, known.high, BOUND_DIGITS)


@cache
def _environment() -> Environment:
    # Its own templates, and the style sheet of the reports.
    made = environment(__package__, formats.__name__, autoescape=True)
    made.filters |= {"plural": plural, "byline": _byline, "attack": attack_name}
    return made


@cache
def _style() -> str:
    colours = themed()
    return (
        _environment()
        .get_template("leaderboard.css")
        .render(
            light={variable: light for light, (variable, _) in colours.items()}, dark=dict(colours.values())
        )
    )


def _byline(entrant: Entrant) -> str:
    authors = listing(entrant.authors) if len(entrant.authors) < 3 else f"{entrant.authors[0]} et al."
    return " ".join(filter(None, [authors, str(entrant.year or "")]))
