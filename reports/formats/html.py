"""Renders a report as one HTML file that needs nothing else: no network, no font, one script of its own.

Every number of a table links to the row of its cell in the table of all cells. The script makes the links
buttons that open what is known of the cells behind the number, and the tables sortable.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from ...bench.core.files import write_text
from ...bench.core.text import interval, number
from ...bench.statistics.metrics import METRICS, OK
from ..catalogue import AUTO, attack_name, catalogue, dataset_name, model_name
from ..paper.figure6 import inline_svg
from ..paper.numbers import DIGITS, metric_columns
from ..paper.points import WORST
from ..paper.provenance import cell_facts, headings
from ..paper.report import Report
from ..paper.table import Cell, Row, Table
from ..paper.tradeoff import inline_tradeoff
from ..paper.visibility import visibility_svgs
from ..paper.wording import TRADEOFF, VISIBILITY, caption, which_to_believe
from ..published import PAPER, citations
from ..published.bibtex import bibtex, bibtex_of_iqabench
from .templating import environment, inline_script

_SHOWN_DIGITS = 10  # of a digest or key


def write_html(report: Report, out: Path, *, images: bool = False) -> Path:
    """Write `report.html` into a folder; `images` says whether it leads to `images.html` there."""
    path = out / "report.html"
    write_text(path, render_html(report, images=images))
    return path


def render_html(report: Report, *, images: bool = False) -> str:
    """Return a report as the text of an HTML file; `images` as for `write_html`."""
    figures = [
        [(panel, "SROCC over epsilon", Markup(inline_svg(panel, report.panels))) for panel in panels]
        for _, panels in groupby(report.panels, key=lambda panel: panel.dataset)
    ]
    models = [curve.of for panel in report.panels for curve in panel.curves]
    tradeoffs = [
        (
            panel,
            "Worst-case SROCC over clean SROCC",
            Markup(inline_tradeoff(panel, f"tradeoff{place}", models)),
        )
        for place, panel in enumerate(report.tradeoffs)
    ]
    has_auto = report.results.loc[report.results["attack"] == AUTO, WORST].notna().any()
    names = report.results["attack"]
    believe = which_to_believe(names.unique(), {*names[report.results["control"]]}) if has_auto else ""
    columns = _columns(report.results)
    headings_of_cells = [heading for heading, _, _ in columns]
    made = environment(__package__, autoescape=True)
    made.filters["commands"] = _commands
    made.globals["groups_of"] = _groups_of
    return made.get_template("report.html.j2").render(
        report=report,
        citations=_citations(),
        images=images,
        figures=figures,
        visibility=[
            (panel, f"SROCC and widths over {kind}", Markup(svg))
            for panel, kind, svg in visibility_svgs(report.visibility)
        ],
        believe=believe,
        visibility_caption=caption(VISIBILITY, believe),
        tradeoffs=tradeoffs,
        tradeoff_caption=TRADEOFF.format(auto=attack_name(AUTO)),
        places={key: place for place, key in enumerate(report.results["key"])},
        cell_columns=[(heading, order) for heading, order, _ in columns],
        cell_rows=_rows(cells for _, _, cells in columns),
        known=htmlsafe_json_dumps(
            _behind(report.results, headings_of_cells), separators=(",", ":"), ensure_ascii=False
        ),
        **inline_script(__package__, "element.js", "report.js"),
    )


def _citations() -> str:
    """Return BibTeX of iqabench and of the paper whose numbers it prints."""
    paper = citations()[PAPER]
    return "\n\n".join([bibtex_of_iqabench(), bibtex(paper.title, paper.authors, paper.year, paper.url)])


def _groups_of(table: Table, row: Row) -> Iterator[tuple[str, list[tuple[str, Cell]]]]:
    """Yield, for each group of a row, its heading and its cells with theirs; narrow screens show them."""
    for group, cells in zip(table.groups, row.cells, strict=True):
        starts = accumulate((cell.span for cell in cells), initial=0)
        headings = [
            group.columns[start].heading if cell.span == 1 else ""
            for start, cell in zip(starts, cells, strict=False)
        ]
        yield str(group.heading or ""), list(zip(headings, cells, strict=True))


def _commands(text: str) -> Markup:
    """Return a sentence with the text between backticks as code."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def _behind(results: pd.DataFrame, columns: list[str]) -> dict[str, Any]:
    """Return what the script shows of the cells behind a number; it reads their results from the rows."""
    shown = [column.heading for column in metric_columns(_metrics(results))]
    groups = {
        "Result": [{"name": name, "column": columns.index(name)} for name in (*shown, "Status")],
        **{heading: [asdict(fact) for fact in facts] for heading, facts in cell_facts(results).items()},
        "Store": [{"name": "File", "column": columns.index("File"), "code": True}],
    }
    return {
        "headings": asdict(headings(results)),
        "seeds": [int(seed) for seed in results["seed"]],
        "groups": [{"heading": heading, "facts": facts} for heading, facts in groups.items()],
    }


def _metrics(results: pd.DataFrame) -> list[str]:
    """Return the metrics that the table of all cells shows; a worst case leads."""
    return [*([WORST] if results[WORST].notna().any() else []), *METRICS]


def _columns(results: pd.DataFrame) -> list[tuple[str, str, Iterable[str]]]:
    """Return the columns of the table of all cells: heading, first order of sorting, and its cells."""
    marks = results["stand_in"].map({True: "†", False: ""})
    knowledge = results["knowledge"].map(lambda of: of and f", {of}")
    limits = results["limit"].astype(object).where(results["limit"].notna(), "")
    metrics = _metrics(results)
    return [
        ("Cell", "text", _heads(results["key"])),
        ("Dataset", "text", _escaped(results["dataset"].map(dataset_name) + marks)),
        ("Model", "text", _escaped(results["model"].map(model_name))),
        ("Variant", "text", _escaped(results["variant"])),
        ("Regime", "text", _escaped(results["regime"])),
        ("Attack", "text", _escaped(results["attack"].map(attack_name) + knowledge)),
        ("Seed", "ascending", _escaped(results["seed"])),
        ("ε", "ascending", _escaped(results["epsilon"].map("{:g}".format))),
        ("Images", "ascending", _escaped(results["n"])),
        ("Limit", "ascending", _escaped(limits)),
        *(
            (column.heading, column.order, _measured(results, metric))
            for metric, column in zip(metrics, metric_columns(metrics), strict=True)
        ),
        ("Status", "text", _escaped(results["status"].where(results["status"] != OK, ""))),
        ("Weights", "text", _escaped(results["weights"].str[:_SHOWN_DIGITS])),
        ("File", "text", _escaped(results["file"])),
    ]


def _rows(columns: Iterable[Iterable[str]]) -> Markup:
    """Return the rows of the table of all cells, by hand: a template takes seconds for ten thousand."""
    return Markup("\n".join("".join(cells) + "</tr>" for cells in zip(*columns, strict=True)))


def _heads(keys: Iterable[str]) -> Iterator[str]:
    for place, key in enumerate(keys):
        link = f"<a href=#cell{place} data-cells={place}>{escape(key[:_SHOWN_DIGITS])}</a>"
        yield f"<tr id=cell{place}><th scope=row>{link}</th>"


def _escaped(column: "pd.Series") -> Iterator[str]:
    cells = {value: f"<td>{escape(value)}</td>" for value in column.unique()}
    return map(cells.__getitem__, column)


def _measured(results: pd.DataFrame, metric: str) -> Iterator[str]:
    columns = results[[metric, f"{metric}_low", f"{metric}_high"]]
    for value, low, high in columns.itertuples(index=False, name=None):
        bounds = interval(low, high, catalogue().metrics[metric].digits)
        beside = f"<small>{bounds}</small>" if bounds else ""
        yield f"<td>{'' if pd.isna(value) and metric == WORST else number(value, DIGITS)}{beside}</td>"
