"""The LaTeX report: escaped, balanced, in parts that stand alone, and compiled where a TeX is installed."""

import re
import shutil
import subprocess

import pytest

from iqabench.bench.store.results import read_results
from iqabench.bench.store.store import Store
from iqabench.reports.formats import latex
from iqabench.reports.formats.latex import escape, write_latex
from iqabench.reports.paper.report import compose

from ...fabricated import drawn_sweep
from ..hostile import hostile_report

HOSTILE = "[a_b%&$#{}~^\\ <script> \"q\" 'r' `s` --x \u4e2d\u00e9\u2014\n\\input{secret}"
ENGINES = [name for name in ("pdflatex", "tectonic") if shutil.which(name)]


@pytest.fixture(scope="module")
def folder(swept_results, tmp_path_factory):
    out = tmp_path_factory.mktemp("latex")
    write_latex(compose(swept_results), out)
    return out


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("hostile")
    write_latex(hostile_report(HOSTILE, out / "store"), out)
    return out


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("50%", r"50\%"),
        ("R&D #1 $x$", r"R\&D \#1 \$x\$"),
        ("{x}", r"\{x\}"),
        ("\\input", r"\textbackslash{}input"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("<&>", r"\textless{}\&\textgreater{}"),
        ("--seed", "-{}-seed"),
        ("---", "-{}-{}-"),
        ("−0.5", r"\ensuremath{-}0.5"),
        ("ε", r"\ensuremath{\varepsilon}"),
        ("0.5‡", r"0.5\ensuremath{{}^\ddagger}"),
        ("café", "cafe"),
        ("中", "{[}U+4E2D]"),
        ("a\nb", "a b"),
        ("[0.1, 0.2]", "{[}0.1, 0.2]"),
        ("*", "{*}"),
    ],
)
def test_special_characters_become_commands(text, escaped):
    assert escape(text) == escaped


def test_each_table_is_a_file_of_its_own_that_the_report_inputs(folder):
    report = (folder / "report.tex").read_text()
    assert sorted(path.name for path in folder.iterdir()) == [
        "figure6.pdf", "report.tex", "table1.tex", "table2.tex", "table3.tex", "table4.tex",
    ]  # fmt: skip
    assert re.findall(r"\\input\{(.*)\}", report) == [f"table{number}.tex" for number in (1, 2, 3, 4)]
    assert r"\includegraphics" in report
    assert "{figure6.pdf}" in report


def test_environments_and_braces_are_balanced_and_rows_have_all_columns(folder):
    for path in folder.glob("*.tex"):
        text = path.read_text()
        begun, ended = re.findall(r"\\begin\{(.*?)\}", text), re.findall(r"\\end\{(.*?)\}", text)
        assert sorted(begun) == sorted(ended)
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
    rows = (folder / "table1.tex").read_text().split(r"\midrule")[1].split(r"\bottomrule")[0].split("\\\\\n")
    assert {row.count("&") for row in rows if row.strip()} == {6}
    assert len([row for row in rows if row.strip()]) == 3 * 7


def test_blocks_that_do_not_fit_on_a_page_are_continued_on_the_next(ablated, tmp_path, monkeypatch):
    monkeypatch.setattr(latex, "_ROWS_ON_A_PAGE", 9)
    write_latex(compose(ablated), tmp_path)
    for name, pages in (("table5.tex", 2), ("table6.tex", 1)):
        text = (tmp_path / name).read_text()
        counts = {text.count(begun) for begun in (r"\begin{tabular}", r"\end{tabular}", r"\caption{")}
        assert counts == {pages}
        assert text.count(r"\label{") == 1
        assert text.count(r"\addtocounter{table}{-1}") == pages - 1


def test_a_table_of_four_databases_stands_in_two_panels_of_a_page(tmp_path):
    names = ("live", "vcl", "livec", "koniq")
    swept = drawn_sweep(Store(tmp_path / "store"), datasets=names, models=("cprl", "resnet"), epsilons=(1.0,))
    write_latex(compose(read_results(swept, resamples=100)), tmp_path)
    text = (tmp_path / "table1.tex").read_text()
    assert text.count(r"\caption{") == text.count(r"\begin{table*}") == 1
    assert [panel.split("}\n")[0] for panel in text.split(r"\begin{tabular}")[1:]] == ["{l*{6}{c}"] * 2
    headings = [re.findall(r"multicolumn\{3\}\{c\}\{(\w+)\}", panel) for panel in text.split(r"\medskip")]
    assert headings == [["VCL", "LIVE"], ["LIVEC", "KONIQ"]]


def test_an_explanation_is_a_file_per_figure_that_the_report_inputs(explained_report):
    path = explained_report("latex")
    text = path.read_text()
    for number in "145":
        name = f"explanation1-figure{number}"
        assert f"\\renewcommand{{\\thefigure}}{{{number}}}\n\\input{{{name}.tex}}" in text
        part = (path.parent / f"{name}.tex").read_text()
        assert f"keepaspectratio]{{{name}.pdf}}" in part
        assert r"\caption{CPRL and ResNet on synthetic (stand-in): " in part
        assert part.count("synthetic stands in for a database") == 1
        assert (path.parent / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert r"\item[{Command}] iqabench explain cprl -{}-dataset synthetic" in text
    assert "Not drawn" not in text


def test_without_explanations_the_report_says_how_to_get_them(folder):
    text = (folder / "report.tex").read_text()
    assert r"Not drawn. \texttt{iqabench explain cprl -{}-dataset D} draws them" in text


def test_no_text_of_a_user_reaches_tex_unescaped(hostile_folder):
    assert len(list(hostile_folder.glob("explanation1-figure*.tex"))) == 3
    for path in hostile_folder.glob("*.tex"):
        text = path.read_text()
        assert r"\input{secret}" not in text
        assert "a_b" not in text
        assert text.isascii()


@pytest.mark.skipif(not ENGINES, reason="neither pdflatex nor tectonic is installed")
@pytest.mark.parametrize("kind", ["explained", "hostile names", "tables alone", "ablations"])
def test_it_compiles(kind, folder, hostile_folder, ablated, explained_report, tmp_path):
    if kind == "ablations":
        write_latex(compose(ablated), tmp_path)
    else:
        written = {"hostile names": hostile_folder, "tables alone": folder}.get(kind)
        shutil.copytree(written or explained_report("latex").parent, tmp_path, dirs_exist_ok=True)
    if kind == "tables alone":
        (tmp_path / "report.tex").write_text(
            "\\documentclass[twocolumn]{article}\\usepackage{booktabs, graphicx}\\begin{document}"
            "Text \\input{table1}\\input{table3}\\input{table4}\\end{document}"
        )
    options = ["-interaction=nonstopmode", "-halt-on-error"] if ENGINES[0] == "pdflatex" else []
    process = subprocess.run(
        [ENGINES[0], *options, "report.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert process.returncode == 0, process.stdout[-2000:]
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_every_character_comes_out_as_what_pdflatex_reads():
    for code in (*range(0x300), 0x200B, 0x202E, 0xD800, 0x1F600):
        escaped = escape(chr(code))
        assert escaped.isascii(), hex(code)
        assert escaped.isprintable(), hex(code)
