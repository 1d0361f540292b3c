"""Figures 1, 4 and 5 in the HTML report, in a real browser."""

import pytest

from iqabench.reports import write_report

from ..explained import write_hostile_explanation

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}</svg>"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_figures_are_shown_on_white_with_a_text_alternative(
    explained_store, open_page, tmp_path, scheme, width
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    path = write_report(explained_store, "html", tmp_path)
    page = open_page(path, color_scheme=scheme, viewport={"width": width, "height": 900})
    figures = page.locator("section[aria-labelledby=explanations] figure")
    assert figures.count() == 3
    for number, figure in zip("145", figures.all(), strict=True):
        words = figure.locator("figcaption").inner_text()
        assert words.startswith(f"Figure {number}: ")
        assert figure.get_by_role("img").get_attribute("aria-label") == words.removeprefix(
            f"Figure {number}: "
        )
        ground = figure.locator(".scroll").evaluate("box => getComputedStyle(box).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert axe.run(page, context="section[aria-labelledby=explanations]").violations_count == 0


def test_every_identifier_of_the_page_is_unique(explained_store, open_page, tmp_path):
    page = open_page(write_report(explained_store, "html", tmp_path))
    identifiers = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(identifiers) == len(set(identifiers))


def test_no_text_of_a_user_is_markup(swept_store, open_page, tmp_path, monkeypatch):
    from iqabench.reports.paper import report

    write_hostile_explanation(tmp_path / "explain" / "x", HOSTILE)
    find = report.explanations
    monkeypatch.setattr(report, "explanations", lambda root, results: find(tmp_path, results))
    page = open_page(write_report(swept_store, "html", tmp_path / "report"))
    section = page.locator("section[aria-labelledby=explanations]")
    assert section.locator("script").count() == 0
    assert section.locator("figure").count() == 3
    assert section.locator("h3").inner_text() == f"{HOSTILE} and {HOSTILE} on {HOSTILE} (stand-in)"


def test_without_explanations_the_page_says_how_to_get_them(swept_store, open_page, tmp_path):
    page = open_page(write_report(swept_store, "html", tmp_path))
    said = page.locator("section[aria-labelledby=explanations]").inner_text()
    assert "Not drawn. iqabench explain cprl --dataset D draws them for a dataset D" in said
