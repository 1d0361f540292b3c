"""The Markdown report: read back by a parser, every number in its place, and every name escaped."""

import xml.etree.ElementTree as ElementTree

import pytest
from markdown_it import MarkdownIt

from iqabench.reports.formats.markdown import escape, write_markdown
from iqabench.reports.paper.report import compose

from ..hostile import hostile_report

HOSTILE = "1. a|b `c` *d* _e_ <script> [g](x) ![h](i) ~~j~~ &amp; \\| {{ 7 }} http://m.org <!--\n\n# q\u202e"
SHOWN = " ".join(HOSTILE.replace("\u202e", " ").split())


class Page:
    """What a parser makes of a text: tables as lists of rows of texts, headings, and all kinds of tokens."""

    def __init__(self, text):
        self.kinds, self.headings, self.tables, self.items, self.pictures = set(), [], [], [], []
        parser = MarkdownIt("gfm-like", {"linkify": False}).enable(["table", "strikethrough"])
        tokens = parser.parse(text)
        for token, inline in zip(tokens, [*tokens[1:], None], strict=True):
            self.kinds.add(token.type)
            if token.type == "table_open":
                self.tables.append([])
            elif token.type == "tr_open":
                self.tables[-1].append([])
            elif token.type in ("th_open", "td_open"):
                self.tables[-1][-1].append(self._words(inline))
            elif token.type == "heading_open":
                self.headings.append(self._words(inline))
            elif token.type == "list_item_open":
                self.items.append("")
            elif token.type == "inline":
                self.pictures += [part.attrs["src"] for part in token.children if part.type == "image"]
                if self.items:
                    self.items[-1] += self._words(token)

    def _words(self, inline):
        words = ""
        for part in inline.children:
            if part.type == "html_inline":
                assert part.content == "<br>"
                words += " "
            elif part.type != "image":
                self.kinds.add(part.type)
                words += part.content
        return " ".join(words.split())


@pytest.fixture(scope="module")
def folder(swept_results, tmp_path_factory):
    out = tmp_path_factory.mktemp("markdown")
    write_markdown(compose(swept_results), out)
    return out


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("*x*", r"\*x\*"),
        ("[x](y)", r"\[x](y)"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("\\", r"\\"),
        ("a\nb\tc", "a b c"),
        ("- x", "&#45; x"),
        ("+ x", "&#43; x"),
        ("12. x", "&#49;2. x"),
        ("12.5", "12.5"),
        ("−0.5", "−0.5"),
        ("# x", r"\# x"),
        ("http://x", "http&#58;//x"),
        ("WWW.x", "WWW&#46;x"),
        ("a@b", "a&#64;b"),
        ("$x$", "&#36;x&#36;"),
    ],
)
def test_marks_become_characters(text, escaped):
    assert escape(text) == escaped


def test_the_report_has_all_tables_in_the_papers_order(folder):
    page = Page((folder / "report.md").read_text())
    assert [heading.split(".")[0] for heading in page.headings] == [
        "Adversarial robustness of no-reference image quality models", "What was found", "LIVE", "synthetic",
        "Figure 6", "Figures 1, 4 and 5", "Table 1", "Table 2", "Table 3", "Table 4", "Table 5", "Table 6",
        "Provenance",
    ]  # fmt: skip
    assert page.pictures == ["figure6.svg"]
    assert ElementTree.parse(folder / "figure6.svg").getroot().tag.endswith("svg")
    text = (folder / "report.md").read_text()
    assert "Not drawn. `iqabench explain cprl --dataset D` draws them" in text
    assert "Not run. `iqabench run --profile table5` fills this table." in text


def test_every_row_of_a_table_has_the_cells_of_its_head(folder):
    lines = (folder / "report.md").read_text().splitlines()
    for line, before in zip(lines[1:], lines, strict=False):
        if line.startswith("|") and before.startswith("|"):
            assert line.replace(r"\|", "").count("|") == before.replace(r"\|", "").count("|")


def test_an_explanation_is_shown_with_its_figures_beside_the_report(explained_report):
    path = explained_report("markdown")
    text = path.read_text()
    page = Page(text)
    names = [f"explanation1-figure{number}.svg" for number in "145"]
    assert page.pictures == ["figure6.svg", *names]
    for name in names:
        assert ElementTree.parse(path.parent / name).getroot().get("viewBox")
    assert "CPRL and ResNet on synthetic (stand-in)" in page.headings
    assert (
        "**Figure 1:** blur/a.png (label 0.250; asked for). FGSM within 1/255 takes the score of CPRL" in text
    )
    assert "synthetic stands in for a database" in text.split("## Table")[0].split("explanation1")[-1]
    assert "Not drawn" not in text


def test_no_text_of_a_user_is_markup(tmp_path):
    (tmp_path / "explain" / "x_`y`").mkdir(parents=True)
    (tmp_path / "explain" / "x_`y`" / "explanation.json").touch()
    write_markdown(hostile_report(HOSTILE, tmp_path), tmp_path)
    page = Page((tmp_path / "report.md").read_text())
    blocks = {kind.removesuffix("_open").removesuffix("_close") for kind in page.kinds}
    assert blocks == {
        "heading", "paragraph", "inline", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th",
        "td", "text", "strong", "em", "code_inline",
    }  # fmt: skip
    assert page.pictures == ["figure6.svg", *(f"explanation1-figure{number}.svg" for number in "145")]
    assert f"{SHOWN} and {SHOWN} on {SHOWN} (stand-in)" in page.headings
    assert any(row[0] == SHOWN for table in page.tables for row in table)
    assert any(row[0] == f"{SHOWN} † SROCC" for table in page.tables for row in [table[0][1:]])
    assert all(len({len(row) for row in table}) == 1 for table in page.tables)
    assert any(item.startswith("Not readable, so left out: 1. a|b") for item in page.items)
