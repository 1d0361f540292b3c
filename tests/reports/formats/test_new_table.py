"""A table is one file: what it yields is in the report in all four formats, in cells of every kind."""

import pytest

from iqabench.reports.formats.csv import tidy_tables
from iqabench.reports.formats.html import render_html
from iqabench.reports.formats.latex import write_latex
from iqabench.reports.formats.markdown import write_markdown
from iqabench.reports.paper import tables
from iqabench.reports.paper.report import compose

FILE = """
from iqabench.reports.paper.table import Block, Cell, Column, Group, Label, Row, Table


def build(content):
    record = {"dataset": "live", "metric": "srocc", "measured": 0.25, "seeds": 1, "stand_in": False}
    known = {"metric": "SROCC", "keys": ("key0",)}
    lines = ("[0.1, 0.4]", "", "paper −0.5")
    number = Cell("0.2500", "number", lines, best=True, records=(record,), **known)
    doubt = Cell("doubtful", "flag", ("vanishes",))
    diverged = Cell("diverged", "state", ("constant scores",), span=2, keys=("key0",))
    absent = Cell("–", "absent", ("", "", "paper 1"))
    rows = (
        Row(Label("mine"), ((number, Cell("1", "number", **known)), (doubt,))),
        Row(Label("two"), ((diverged,), (Cell("sound"),))),
        Row(Label("three"), ((Cell("–", "absent"), absent), (Cell("–"),))),
    )
    yield Table(
        number="A7",
        title="A table of one file",
        caption="How to read it.",
        heading="Thing",
        groups=(
            Group((Column("A & B", "descending"), Column("C", "ascending")), Label("Numbers", stand_in=True)),
            Group((Column("Audit", "text"),)),
        ),
        blocks=(Block(rows, Label("LIVE"), "all alike"),),
        notes=("It leaves something out.",),
    )
"""


@pytest.fixture
def report(results, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(FILE)
    monkeypatch.setattr(tables, "__path__", [*tables.__path__, str(tmp_path)])
    return compose(results({}))


def test_it_is_a_section_of_the_html_page_and_a_note(report):
    page = render_html(report)
    section = page.split('<h2 id="tableA7">Table A7. A table of one file</h2>')[1].split("</section>")[0]
    link = '<a href="#cell0" data-cells="0"'
    for part in (
        'Numbers† <span class="stand-in">',
        '<span class="fixed">LIVE · all alike</span>',
        f'<strong class="best">{link} data-metric="SROCC">0.2500</a></strong><small>[0.1, 0.4]</small>',
        '<td class="flag first" data-label="Audit">doubtful<small>vanishes</small></td>',
        '<td class="state first" data-label="Numbers†" colspan="2">'
        f"{link}>diverged</a><small>constant scores</small></td>",
        '<td class="absent" data-label="Numbers†, C">–<small>paper 1</small></td>',
    ):
        assert part in section
    assert "<li>It leaves something out.</li>" in page


def test_it_is_a_section_of_the_markdown_file(report, tmp_path):
    text = write_markdown(report, tmp_path / "out").read_text()
    for part in (
        "## Table A7. A table of one file",
        "**LIVE** · all alike",
        "| Thing | Numbers† A &amp; B | Numbers† C | Audit |",
        "| mine | **0.2500**<br>\\[0.1, 0.4]<br>paper −0.5 | 1 | doubtful<br>vanishes |",
        "| two | *diverged*<br>constant scores | *diverged* | sound |",
        "| three | – | –<br>paper 1 | – |",
        "- It leaves something out.",
    ):
        assert part in text


def test_it_is_a_file_of_the_latex_report(report, tmp_path):
    assert r"\input{tableA7.tex}" in write_latex(report, tmp_path / "out").read_text()
    text = (tmp_path / "out" / "tableA7.tex").read_text()
    rows = text.split(r"\addlinespace[2pt]", 1)[1].split(r"\bottomrule")[0].split("\\\\\n")
    assert [" ".join(row.split()).removeprefix(r"\addlinespace[2pt] ") for row in rows if row.strip()] == [
        r"mine & \textbf{\boldmath 0.2500} & 1 & doubtful",
        r"& {\tiny {[}0.1, 0.4]} & & {\tiny vanishes}",
        r"& {\tiny paper \ensuremath{-}0.5} & &",
        r"two & \multicolumn{2}{c}{\emph{diverged}} & sound",
        r"& \multicolumn{2}{c}{\tiny constant scores} &",
        r"three & \textendash{} & \textendash{} & \textendash{}",
        r"& & {\tiny paper 1} &",
    ]
    assert r"\multicolumn{2}{c}{Numbers\ensuremath{{}^\dagger}}" in text
    assert r"\multicolumn{4}{l}{\textbf{LIVE}; all alike}" in text
    assert r"\cmidrule(lr){2-3}" in text


def test_its_records_are_rows_of_the_csv_file(report):
    (row,) = tidy_tables(report).query("table == 'A7'").to_dict("records")
    assert (row["dataset"], row["metric"], row["measured"]) == ("live", "srocc", 0.25)
