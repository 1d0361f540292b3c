"""A table is one file: what it yields is in the report in all four formats."""

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
    known = {"metric": "SROCC", "keys": ("key0",), "records": (record,)}
    number = Cell("0.2500", "number", ("[0.1, 0.4]",), best=True, **known)
    verdict = Cell("doubtful", "flag", ("the gradient vanishes",))
    yield Table(
        number="A7",
        title="A table of one file",
        caption="How to read it.",
        heading="Thing",
        groups=(
            Group((Column("A & B", "descending"),), Label("Numbers", stand_in=True)),
            Group((Column("Audit", "text"),)),
        ),
        blocks=(Block((Row(Label("mine"), ((number,), (verdict,))),), Label("LIVE"), "all alike"),),
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
    assert 'Numbers† <span class="stand-in">' in section
    assert '<strong class="best"><a href="#cell0" data-cells="0" data-metric="SROCC">0.2500</a>' in section
    assert '<td class="flag first">doubtful<small>the gradient vanishes</small></td>' in section
    assert '<span class="fixed">LIVE · all alike</span>' in section
    assert "<li>It leaves something out.</li>" in page


def test_it_is_a_section_of_the_markdown_file(report, tmp_path):
    text = write_markdown(report, tmp_path / "out").read_text()
    assert "## Table A7. A table of one file" in text
    assert "| Thing | Numbers† A &amp; B | Audit |" in text
    assert "| mine | **0.2500**<br>\\[0.1, 0.4] | doubtful<br>the gradient vanishes |" in text


def test_it_is_a_file_of_the_latex_report(report, tmp_path):
    assert r"\input{tableA7.tex}" in write_latex(report, tmp_path / "out").read_text()
    text = (tmp_path / "out" / "tableA7.tex").read_text()
    assert r"\multicolumn{1}{c}{Numbers\ensuremath{{}^\dagger}}" in text
    assert r"\textbf{\boldmath 0.2500}" in text
    assert r"{\tiny the gradient vanishes}" in text
    assert r"\multicolumn{3}{l}{\textbf{LIVE}; all alike}" in text


def test_its_records_are_rows_of_the_csv_file(report):
    (row,) = tidy_tables(report).query("table == 'A7'").to_dict("records")
    assert (row["dataset"], row["metric"], row["measured"]) == ("live", "srocc", 0.25)
