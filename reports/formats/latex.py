"""Renders a report as LaTeX: `report.tex`, which compiles alone, and its parts, each to \\input elsewhere."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment

from ...bench.core.files import write_text
from ..explain.explanation import ShownExplanation
from ..paper.figure6 import write_figure6
from ..paper.report import Report
from ..paper.table import Block, Table
from ..published.bibtex import COMMANDS
from .templating import environment

FIGURE = "figure6.pdf"

_ROWS_ON_A_PAGE = 18  # of a table; its blocks are kept together
_COLUMNS_ABREAST = 9  # that a portrait page holds at a size that can be read, but for the names

_COMMANDS = COMMANDS | {
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\ttfamily\char34}",
    "`": r"\textasciigrave{}",
    "−": r"\ensuremath{-}",
    "–": r"\textendash{}",
    "‑": "-",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "†": r"\ensuremath{{}^\dagger}",
    "‡": r"\ensuremath{{}^\ddagger}",
    "ε": r"\ensuremath{\varepsilon}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
}


def write_latex(report: Report, out: Path) -> Path:
    """Write `report.tex`, a file per table, `figure6.pdf` and the figures of explanations into a folder."""
    environment = _environment()
    tables = [table for table in report.tables if table.rows]
    for table in tables:
        template = environment.get_template("table.tex.j2")
        write_text(out / f"{table.slug}.tex", template.render(table=table, pages=_pages(table)))
    if report.panels:
        write_figure6(report.panels, out / FIGURE)
    for explanation in report.explanations:
        _write_explanation(explanation, environment, out)
    path = out / "report.tex"
    main = environment.get_template("report.tex.j2")
    write_text(path, main.render(report=report, tables=tables, figure=FIGURE))
    return path


def _write_explanation(explanation: ShownExplanation, environment: Environment, out: Path) -> None:
    """Write each figure of an explanation as a PDF file, and a file to \\input that shows it."""
    template = environment.get_template("explanation_figure.tex.j2")
    for figure in explanation.figures:
        name = f"{explanation.slug}-figure{figure.number}"
        figure.write(out / f"{name}.pdf")
        write_text(out / f"{name}.tex", template.render(explanation=explanation, figure=figure, name=name))


def escape(text: object) -> str:
    r"""Return LaTeX that prints a text, whatever the font encoding.

    Special characters become commands; others outside ASCII lose their accents, or become code points.

    >>> escape("50% of my_model")
    '50\\% of my\\_model'
    """
    escaped = "".join(_COMMANDS.get(character) or _ascii(character) for character in str(text))
    escaped = re.sub(r"^([\[*])", r"{\1}", escaped)  # \\ and \item would take it for an argument of theirs
    return re.sub(r"([-,'])(?=\1)", r"\1{}", escaped)  # TeX would join -- and the like into one character


def _ascii(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return escape(plain) if plain else f"[U+{ord(character):04X}]"


def _environment() -> Environment:
    """Return templates in which every value is escaped, with tags that LaTeX has no use for."""
    return environment(
        __package__,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        finalize=escape,
        autoescape=False,
        keep_trailing_newline=True,
    )


def _pages(table: Table) -> list[list[Table]]:
    """Return a table by page, as many of its blocks on each as fit; a wide one in panels below each other."""
    panels = _panels(table)
    pages: list[list[Block]] = []
    for block in table.blocks:
        rows = sum(len(before.rows) for before in pages[-1]) if pages else 0
        if pages and len(panels) * (rows + len(block.rows)) <= _ROWS_ON_A_PAGE:
            pages[-1].append(block)
        else:
            pages.append([block])
    return [[_part(table, tuple(blocks), panel) for panel in panels] for blocks in pages]


def _panels(table: Table) -> list[slice]:
    """Return which groups of columns stand abreast, panels about equally wide."""
    sizes = [len(group.columns) for group in table.groups]
    wanted = sum(sizes) / math.ceil(sum(sizes) / _COLUMNS_ABREAST)
    panels, begin = [], 0
    for end in range(1, len(sizes) + 1):
        if end == len(sizes) or sum(sizes[begin : end + 1]) > wanted:
            panels.append(slice(begin, end))
            begin = end
    return panels


def _part(table: Table, blocks: Sequence[Block], panel: slice) -> Table:
    """Return some blocks of a table with some of its groups of columns."""
    kept = tuple(
        replace(block, rows=tuple(replace(row, cells=row.cells[panel]) for row in block.rows))
        for block in blocks
    )
    return replace(table, groups=table.groups[panel], blocks=kept)
