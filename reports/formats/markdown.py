"""Renders a report as GitHub-flavoured Markdown: `report.md`, its figures as SVG files beside it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from ...bench.core.files import write_text
from ...bench.core.text import NOT_RUN
from ..catalogue import metric_name
from ..paper.figure6 import write_figure6
from ..paper.report import Report
from ..paper.tables import TABLE_METRICS, Entry
from .templating import environment

FIGURE = "figure6.svg"

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "&#64;"}
_MARKS = set("\\`*_{[|~#")
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
    r"""Text as one line of Markdown that shows it, in a paragraph, a list or a cell; `Markup` as it is.

    >>> escape("a_b | <i>*c*</i>")
    'a\\_b \\| &lt;i&gt;\\*c\\*&lt;/i&gt;'
    """
    if isinstance(text, Markup):
        return text
    plain = "".join(character if character.isprintable() else " " for character in str(text))
    escaped = "".join(map(_escaped, " ".join(plain.split(" "))))
    escaped = re.sub(r"(?i)\b(www)\.|\b(\w+)://", _unlinked, escaped)
    return re.sub(r"^(\s*)([-+=]|\d+(?=[.)](?:\s|$)))", _no_list, escaped)


def _model_cells(entry: Entry) -> list[Markup]:
    """What Tables 1, 2 and 4 say of one model on one dataset, a cell for each of `TABLE_METRICS`."""
    return [_lines(_measured(entry, index), entry.beside[index:][:1]) for index in range(len(TABLE_METRICS))]


def _ablation_cells(entry: Entry, comparable: bool) -> list[Markup]:
    """The same for Tables 5 and 6, whose published numbers are the paper's on LIVE."""
    gaps = [f" ({gap})" for gap in entry.differences] if comparable else []
    beside = [f"paper, LIVE {text}" for text in entry.printed]
    return [
        _lines(
            _measured(entry, index),
            [number.range for number in entry.numbers[index:][:1] if entry.seeds > 1],
            ["".join([*beside[index:][:1], *gaps[index:][:1]])],
        )
        for index in range(len(TABLE_METRICS))
    ]


def _measured(entry: Entry, index: int) -> Iterator[str | Markup]:
    if entry.numbers:
        number = entry.numbers[index]
        yield Markup(f"**{escape(number.text)}**") if number.best else number.text
        yield Markup(number.interval)
    elif entry.state == "not run":
        yield NOT_RUN
    else:
        yield Markup(f"*{escape(entry.state)}*")
        yield entry.status if index == 0 else ""


def _lines(*parts: Iterable[str | Markup]) -> Markup:
    """The lines of one cell; empty ones are left out."""
    return Markup("<br>".join(escape(line) for part in parts for line in part if line))


def _with_commands(text: str) -> str:
    """Text of ours with commands in backticks; escaped if a name in it is not plain."""
    return Markup(text) if _PLAIN_WITH_COMMANDS.fullmatch(text) else escape(text)


def _escaped(character: str) -> str:
    return f"\\{character}" if character in _MARKS else _ENTITIES.get(character, character)


def _unlinked(found: re.Match[str]) -> str:
    """An address that GitHub would make a link of, as text."""
    return f"{found[1]}&#46;" if found[1] else f"{found[2]}&#58;//"


def _no_list(found: re.Match[str]) -> str:
    """The beginning of a line that would make it an item of a list, as text."""
    mark = found[2]
    return f"{found[1]}&#{ord(mark[0])};{mark[1:]}"


def _environment() -> Environment:
    """Templates in which every value is escaped."""
    made = environment(__package__, finalize=escape, autoescape=False, keep_trailing_newline=True)
    made.globals |= {
        "metrics": [metric_name(name) for name in TABLE_METRICS],
        "with_commands": _with_commands,
        "model_cells": _model_cells,
        "ablation_cells": _ablation_cells,
    }
    return made
