"""Figures 1, 4 and 5 in the HTML report, in a real browser."""

import pytest


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_figures_are_shown_on_white_with_a_text_alternative(explained_report, open_page, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(explained_report("html"), color_scheme=scheme, viewport={"width": width, "height": 900})
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
    identifiers = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(identifiers) == len(set(identifiers))
