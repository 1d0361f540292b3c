"""BibTeX entries are well formed whatever a title or an address holds, and agree with CITATION.cff."""

import re
from pathlib import Path

import pytest

from iqabench.bench.core.version import __version__
from iqabench.reports.published import citations
from iqabench.reports.published.bibtex import bibtex, bibtex_of_iqabench

ROOT = Path(__file__).resolve().parents[2]


def balanced(text):
    depth = 0
    for sign in re.sub(r"\\.", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    return depth == 0


def test_the_paper_is_cited_as_its_file_has_it():
    paper = citations()["cprl"]
    assert bibtex(paper.title, paper.authors, paper.year, paper.url) == (
        "@misc{wang2024causal,\n"
        f"  title = {{{{{paper.title}}}}},\n"
        "  author = {Lei Wang and Desen Yuan},\n"
        "  year = {2024},\n"
        f"  howpublished = {{\\url{{{paper.url}}}}},\n"
        "}"
    )


@pytest.mark.parametrize("title", ["100% of {A} & B_C", "a } b", "\\input{x}", "~ ^ # $", ""])
def test_a_title_cannot_break_out_of_its_entry(title):
    entry = bibtex(title, [], None, "https://example.org/{x}\\y z")
    assert balanced(entry)
    assert entry.startswith("@misc{unknown")
    assert "\\input" not in entry
    assert "https://example.org/%7Bx%7D%5Cy%20z" in entry


def test_iqabench_is_cited_as_citation_cff_has_it():
    text = (ROOT / "CITATION.cff").read_text()
    (title,) = re.findall(r'^title: "(.*)"$', text, re.MULTILINE)
    (version,) = re.findall(r"^version: (.*)$", text, re.MULTILINE)
    entry = bibtex_of_iqabench()
    assert f"{{{title}}}" in entry
    assert f"{{{version}}}" in entry
    assert version == __version__
