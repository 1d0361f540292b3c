"""Parts that all pages of the leaderboard share: templates, styles, scripts, the look of numbers.

No page requests anything: script, data and styles are inside it, allowed by their digests. Texts come from
users; the templates escape them.
"""

import json
import math
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from ....bench.core.text import interval, listing, number, plural
from ... import formats
from ...catalogue import AUTO, attack_name
from ...formats.templating import environment, policy_digest
from ...paper.wording import which_to_believe
from ..board import Entrant, Number
from ..ranking import BOUND_DIGITS, SROCC_DIGITS

UNKNOWN = "–"


def render(template: str, scripts: tuple[str, ...], data: dict[str, Any], **context: Any) -> str:
    """Render a template as a page.

    `scripts` are file names, in order; `data` is what the scripts read, `context` what the template reads.
    A page without scripts has no data.
    """
    templates, style, script = _environment(), _style(), _script(scripts)
    return templates.get_template(template).render(
        style=Markup(style),
        style_digest=policy_digest(style),
        script=Markup(script),
        script_digest=policy_digest(script),
        data=Markup(_embedded(data)),
        **context,
    )


def srocc(known: Number | None) -> tuple[str, str]:
    """Return a number's SROCC and its interval, as they are printed."""
    if known is None:
        return UNKNOWN, ""
    if math.isnan(known.srocc):
        return "undefined", ""
    return number(known.srocc, SROCC_DIGITS), interval(known.low, known.high, BOUND_DIGITS)


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
def _script(names: tuple[str, ...]) -> str:
    return "\n".join((files(__package__) / "templates" / name).read_text(encoding="utf-8") for name in names)


@cache
def _environment() -> Environment:
    # Its own templates, and the style sheet of the reports.
    made = environment(__package__, formats.__name__, autoescape=True)
    made.filters |= {"plural": plural, "byline": _byline, "attack": attack_name}
    return made


@cache
def _style() -> str:
    return _environment().get_template("leaderboard.css").render()


def _byline(entrant: Entrant) -> str:
    authors = listing(entrant.authors) if len(entrant.authors) < 3 else f"{entrant.authors[0]} et al."
    return " ".join(filter(None, [authors, str(entrant.year or "")]))
