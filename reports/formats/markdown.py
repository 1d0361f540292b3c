"""Renders a report as GitHub-flavoured Markdown: `report.md`, its figures as SVG files beside it."""

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from ...bench.core.files import write_text
from ..paper.figure6 import write_figure6
from ..paper.report import Report
from ..paper.table import Cell
from .templating import environment

FIGURE = "figure6.svg"

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "&#64;"}
_ESCAPES = str.maketrans(_ENTITIES | {mark: f"\\{mark}" for mark in "\\`*_{[|~#"})
_PLAIN_WITH_COMMANDS = re.compile(r"[\w `.,/=-]*")


def write_markdown(report: Report, out: Path) -> Path:
    """Write `report.md`, `figure6.svg` and a file per figure of an explanation into a folder."""
    if report.panels:
        write_figure6(report.panels, out / FIGURE)
    for explanation in report.explanations:
        for figure in explanation.figures:
            figure.write(out / f"{explanation.slug}-figure{figure.number}.svg")
    text = _environment().get_template("report.md.j2").render(report=report, figure=FIGURE)
    path = out / "report.md"
    write_text(path, re.sub(r"\n{3,}", "\n\n", text))
    return path


def escape(text: object) -> str:
    r"""Return one line of Markdown that shows a text in a paragraph, a list or a cell; `Markup` as it is.

    >>> escape("a_b | <i>*c*</i>")
    'a\\_b \\| &lt;i&gt;\\*c\\*&lt;/i&gt;'
    """
    if isinstance(text, Markup):
        return text
    plain = "".join(character if character.isprintable() else " " for character in str(text))
    escaped = plain.translate(_ESCAPES)
    # Addresses of which GitHub would make a link.
    escaped = re.sub(r"(?i)\b(www)\.", r"\1&#46;", re.sub(r"\b(\w+)://", r"\1&#58;//", escaped))
    # The beginning of a line that would make it an item of a list.
    item = r"^(\s*)([-+=]|\d(?=\d*[.)](?:\s|$)))"
    return re.sub(item, lambda found: f"{found[1]}&#{ord(found[2])};", escaped)


def _columns_of(cell: Cell) -> Iterator[Markup]:
    """Yield a cell for each of the columns that a table's cell fills; the small print is in the first."""
    marks = {"number": "**" if cell.best else "", "state": "*"}
    mark = marks.get(cell.kind, "")
    text = f"{mark}{escape(cell.text)}{mark}"
    yield Markup("<br>".join([text, *(escape(line) for line in cell.lines if line)]))
    yield from [Markup(text)] * (cell.span - 1)


def _with_commands(text: str) -> str:
    """Return text of ours with commands in backticks; escaped if a name in it is not plain."""
    return Markup(text) if _PLAIN_WITH_COMMANDS.fullmatch(text) else escape(text)


def _environment() -> Environment:
    """Return templates in which every value is escaped."""
    made = environment(__package__, finalize=escape, autoescape=False, keep_trailing_newline=True)
    made.globals |= {"with_commands": _with_commands, "columns_of": _columns_of}
    return made
