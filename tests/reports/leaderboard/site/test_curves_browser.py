"""Curves and pictures of the board in a browser: on hover, by keyboard, and of the models picked."""

import re

import pytest

from ..boards import board, entrant, measured, reported
from .conftest import sort_by, sorted_heading

expect = pytest.importorskip("playwright.sync_api").expect  # waits, as the pictures are drawn after the rows


def test_a_curve_appears_on_hover_and_leaves(page):
    cell = page.locator("#table tbody tr[data-entrant]", has_text="Alpha").locator("td").nth(3)
    cell.scroll_into_view_if_needed()  # as scrolling hides the curve
    cell.hover()
    page.locator("#hover svg").wait_for()
    assert "Alpha on LIVE" in page.locator("#hover").inner_text()
    label = page.locator("#hover svg").get_attribute("aria-label")
    assert "FGSM, measured: 0.93 at 0, 0.71 at 1, 0.62 at 4." in label
    page.keyboard.press("Escape")
    assert not page.locator("#hover").is_visible()


def test_the_keyboard_sorts_and_opens_a_curve_with_red_flags(page):
    page.locator("thead button").nth(1).focus()
    page.keyboard.press("Enter")
    assert sorted_heading(page) == ("model", "ascending")
    page.locator(".board").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('tr[data-entrant] .more')"):
            break
    for _ in range(3):  # over the box and the link of the first
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Curve of Beta"
    page.keyboard.press("Enter")
    opened = page.locator("tr.opened")
    assert opened.locator("svg").is_visible()
    assert "Withdrawn by its authors." in opened.inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    sort_by(page, "Rank")
    assert opened.evaluate("row => row.previousElementSibling.querySelector('bdi').textContent") == "Beta"
    page.locator("#attack").select_option("pgd")
    assert opened.locator("svg").is_visible()
    page.get_by_role("button", name="Curve of Beta").click()
    assert opened.count() == 0


def test_a_click_on_a_row_opens_its_curve(page):
    page.locator("#table tbody tr[data-entrant] td:nth-child(8)").first.click()
    assert page.locator("tr.opened svg").is_visible()


def test_a_curve_rises_in_epsilon_from_the_clean_images_and_is_the_same_on_the_models_page(
    site, page, open_page
):
    page.get_by_role("button", name="Curve of Alpha").click()
    card = open_page(site / "models" / "alpha.html").locator("section:has(h2:text-is('LIVE')) svg")
    drawn = page.locator("tr.opened svg")
    assert drawn.evaluate("svg => svg.outerHTML") == card.evaluate("svg => svg.outerHTML")
    assert drawn.get_attribute("aria-label") == (
        "SROCC over epsilon on LIVE. "
        "FGSM, measured: 0.93 at 0, 0.71 at 1, 0.62 at 4. FGSM, reported: 0.95 at 0. "
        "PGD, measured: 0.93 at 0, 0.60 at 1, 0.55 at 4. PGD, reported: 0.95 at 0, 0.80 at 1. "
        "noise, measured: 0.93 at 0, 0.92 at 1. noise, reported: 0.95 at 0."
    )


def test_what_rounds_to_zero_has_no_sign(opened):
    page = opened(board(entrant("a", measured(-0.004), measured(-0.006, epsilon=2))))
    page.get_by_role("button", name="Curve of a").click()
    label = page.locator("tr.opened svg").get_attribute("aria-label")
    assert "PGD, measured: 0.00 at 1, −0.01 at 2." in label


def test_a_chart_stays_inside_its_frame(opened):
    low = measured(-0.98, low=-1.0, high=-0.9)
    page = opened(board(entrant("a", low, reported(1.0, "none", 0), reported(-1, "x" * 99))))
    page.get_by_role("button", name="Curve of a").click()
    moved = page.locator("tr.opened svg g path[transform]").evaluate_all(
        "marks => marks.map(mark => mark.getAttribute('transform'))"
    )
    heights = [float(re.search(r"\S+ (\S+)\)", one)[1]) for one in moved]
    assert 12 <= min(heights) < max(heights) <= 208
    assert page.get_by_text("xxxxxxxxxxxxx…").is_visible()


def test_picked_models_are_drawn_and_come_back_from_the_address(page):
    figures = page.locator("#glance svg")
    drawn = figures.last.locator("text.name")
    assert "Gamma: 0." not in figures.first.get_attribute("aria-label")  # it has no clean number
    assert "Alpha: 0.93 clean, 0.60 robust. Beta: 0.90 clean, 0.60 robust." in figures.first.get_attribute(
        "aria-label"
    )
    assert "Zeta" in drawn.all_text_contents()
    page.locator("#text").fill("a")
    for name in ("Beta", "Gamma", "Delta", "Zeta"):
        page.get_by_label(f"Draw {name}").uncheck()
    expect(drawn).to_have_text(["Alpha"])
    curve = "Alpha, measured: 0.93 at 0, 0.60 at 1, 0.55 at 4."
    assert curve in figures.last.get_attribute("aria-label")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(drawn).to_have_text(["Alpha"])
    page.locator("#attack").select_option("none")
    page.locator("#glance").wait_for(state="hidden")


def test_no_more_models_are_drawn_than_there_are_colours(opened):
    page = opened(board(*(entrant(f"m{index}", measured(index / 10)) for index in range(9))))
    drawn = page.locator("#glance figure").last.locator("text.name")
    expect(drawn).to_have_text([f"m{index}" for index in range(8, 0, -1)])
    page.get_by_label("Draw m0").check()
    expect(drawn).to_have_text([f"m{index}" for index in range(7, -1, -1)])
    assert not page.get_by_label("Draw m8").is_checked()
