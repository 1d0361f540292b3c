"""The board in a browser: rankings, filters and red flags, for every reader and every name."""

import pytest

from iqabench.reports.leaderboard.ranking import rankings

from ..boards import HOSTILE, board, entrant, measured, reported, varied
from .conftest import sort_by, sorted_heading

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = pytest.importorskip("playwright.sync_api").expect


def cells(page, column):
    """The first line of each cell of a column of the shown rows."""
    return page.evaluate(
        """column => [...document.querySelectorAll("#table tbody tr[data-entrant]")]
            .filter(row => row.offsetParent).map(row => {
              const cell = row.cells[column].cloneNode(true);
              cell.querySelectorAll("small, button, .flag").forEach(part => part.remove());
              return cell.textContent.trim();
            })""",
        column,
    )


def names(page):
    return cells(page, 1)


def test_every_ranking_is_that_of_python(page):
    shown = varied()
    for ranking in rankings(shown):
        threat = ranking.threat
        page.evaluate(
            "hash => { location.hash = hash; window.dispatchEvent(new HashChangeEvent('hashchange')); }",
            f"dataset={threat.dataset}&attack={threat.attack}&epsilon={threat.epsilon:g}",
        )
        ranks = [standing.ranks for standing in ranking.standings]
        assert names(page) == [standing.entrant.name for standing in ranking.standings], threat
        assert cells(page, 0) == [str(one.rank) if one else "–" for one in ranks], threat
        small = page.locator("#table tbody tr[data-entrant] > :first-child").all_inner_texts()
        expected = [f"{one.best}–{one.worst}" if one and one.best != one.worst else "" for one in ranks]
        assert [text.partition("\n")[2] for text in small] == expected, threat
        assert page.locator("#absent").is_visible() == bool(ranking.absent)


def test_it_reads_without_scripts_and_the_script_leaves_the_first_ranking_as_the_page_comes(
    site, page, open_page
):
    plain = open_page(site / "index.html", java_script_enabled=False)
    for part in ("#table tbody tr:visible", "#caption", "#absent summary", "#count", "#note"):
        with_script, without = (one.locator(part).all_inner_texts() for one in (page, plain))
        assert [text.split("\n") for text in with_script] == [text.split("\n") for text in without], part
    shown = plain.locator("#table tbody tr:visible")
    assert shown.count() == 5
    assert "0.6000\n[0.550, 0.650]" in shown.nth(0).inner_text()
    assert not plain.locator("#controls").is_visible()
    assert plain.locator("thead button").count() == 0
    plain.locator("#absent summary").click()
    assert plain.locator("#absent a").get_attribute("href") == "models/epsilon.html"


def test_a_chosen_threat_is_in_the_address_and_comes_back_from_it(page):
    page.locator("#attack").select_option("fgsm")
    page.locator("#epsilon").select_option("4")
    assert names(page) == ["Alpha", "Beta"]
    assert page.locator("#caption").inner_text() == "LIVE, FGSM, ε = 4/255"
    assert page.url.endswith("#dataset=live&attack=fgsm&epsilon=4")
    sort_by(page, "Model")
    sort_by(page, "Model")
    page.locator("#measured").check()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    assert names(page) == ["Beta", "Alpha"]
    assert page.locator("#measured").is_checked()
    assert page.locator("#epsilon").input_value() == "4"


def test_a_dataset_offers_its_own_attacks_and_a_stand_in_is_named(page):
    assert page.locator("#dataset option").all_inner_texts() == ["LIVE", "KONIQ", "synthetic (stand-in)"]
    assert not page.locator("#stand-in").is_visible()
    page.locator("#dataset").select_option(label="synthetic (stand-in)")
    assert page.locator("#stand-in").is_visible()
    assert page.locator("#attack option").all_inner_texts() == ["worst of the attacks", "PGD"]
    assert names(page) == ["Alpha"]
    assert page.locator("#absent summary").inner_text() == "5 models without a number here"


@pytest.mark.parametrize(
    "address", ["#reading", "#dataset=no&attack=no", "#dataset=live&attack=no&epsilon=x&sort=no"]
)
def test_an_address_that_names_nothing_shows_the_first_ranking(page, address):
    first, index = names(page), page.url
    page.goto("about:blank")
    page.goto(index + address)
    assert names(page) == first


def test_headings_sort_either_way_with_the_unknown_last(page):
    assert sorted_heading(page) == ("rank", "ascending")
    assert [cells(page, column)[-1] for column in (0, 1, 2)] == ["–", "Delta", "undefined"]
    sort_by(page, "Clean SROCC, reported")
    assert sorted_heading(page) == ("clean-reported", "descending")
    assert cells(page, 6) == ["0.9500", "0.9000", "–", "–", "–"]
    sort_by(page, "Clean SROCC, reported")
    assert sorted_heading(page) == ("clean-reported", "ascending")
    assert cells(page, 6) == ["0.9000", "0.9500", "–", "–", "–"]
    sort_by(page, "Model")
    assert names(page) == ["Alpha", "Beta", "Delta", "Gamma", "Zeta"]
    sort_by(page, "Paper")
    assert names(page)[:3] == ["Delta", "Alpha", "Beta"]
    sort_by(page, "Red flags")
    assert names(page)[0] == "Beta"


def test_filters_hide_rows_and_leave_ranks(page):
    ranks = dict(zip(names(page), cells(page, 0), strict=True))
    page.locator("#text").fill("EMILE")
    assert names(page) == ["Beta"]
    assert cells(page, 0) == [ranks["Beta"]]
    assert page.locator("#count").inner_text() == "1 of 5 models, ranked by SROCC, in bold."
    page.locator("#reliable").check()
    assert names(page) == []
    page.locator("#text").fill("")
    page.locator("#reliable").uncheck()
    page.locator("#training").select_option("adversarial")
    assert names(page) == ["Beta"]
    page.locator("#training").select_option("")
    page.locator("#attack").select_option("pgd")
    page.locator("#measured").check()
    assert names(page) == ["Alpha", "Gamma", "Delta"]


def test_worst_cases_and_doubtful_audits_are_marked_and_sorted(opened):
    sure, doubtful = measured(0.2, "auto", worst_case=True), measured(0.3, "auto", worst_case=True)
    page = opened(board(entrant("a", sure), entrant("b", doubtful, measured(0.4), audit="doubtful")))
    assert page.locator("#caption").inner_text() == "LIVE, auto, ε = 1/255"
    page.locator("#attack").select_option("all")
    assert page.locator("#count").inner_text() == "2 models, ranked by worst-case SROCC, in bold."
    assert [text.split("\n") for text in page.locator("tbody td:nth-child(5)").all_inner_texts()] == [
        ["auto", "worst case, worst of 2"], ["auto", "worst case, 1 of 2"],
    ]  # fmt: skip
    sort_by(page, "Model")
    sort_by(page, "Red flags")
    assert names(page) == ["b", "a"]
    assert page.locator("#table summary").inner_text() == "1 red flag"
    assert page.locator("#table .flag:visible").all_inner_texts() == ["doubtful"]
    page.locator("#reliable").check()
    assert names(page) == ["a"]


def test_red_flags_are_those_of_the_chosen_database(opened):
    flags = {"red_flags": (("live", "One."), ("koniq", "Two."), ("koniq", "Three."))}
    flags["unreliable"] = "Withdrawn by its authors."
    page = opened(board(entrant("a", measured(0.5), measured(0.4, dataset="koniq"), **flags)))
    assert page.locator("#table summary").inner_text() == "2 red flags"
    page.locator("#dataset").select_option(label="KONIQ")
    shown = page.locator("#table li:visible")
    assert shown.count() == 0  # until a click
    page.locator("#table summary").click()
    assert shown.all_inner_texts() == ["Withdrawn by its authors.", "Two.", "Three."]


def test_hundreds_of_rows_all_arrive(opened):
    scores = [(index, index / 500) for index in range(300)]
    page = opened(board(*(entrant(f"m{index:03}", measured(s, low=s, high=s)) for index, s in scores)))
    page.locator("#table tbody tr").nth(299).wait_for()
    sort_by(page, "Rank")
    page.locator("#text").fill("m29")
    page.locator("#text").fill("m2")
    page.locator("#table tbody tr").nth(99).wait_for()
    assert names(page) == [f"m{index}" for index in range(200, 300)]


def assert_accessible_in_light_and_dark(page):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe.Axe().run(page).violations_count == 0, scheme


def test_accessible_in_light_and_dark(site, page, open_page):
    page.get_by_role("button", name="Curve of Beta").click()
    page.locator("#table summary").click()
    page.locator("#absent summary").click()
    assert_accessible_in_light_and_dark(page)
    assert_accessible_in_light_and_dark(open_page(site / "models" / "alpha.html"))


def test_it_is_dark_where_the_reader_wants_it(site, open_page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light, page = (open_page(site / "index.html", color_scheme=scheme) for scheme in ("light", "dark"))
    assert light.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.evaluate(ground) == "rgb(22, 24, 28)"
    page.get_by_role("button", name="Curve of Alpha").click()
    ink = page.locator("tr.opened text").first.evaluate("text => getComputedStyle(text).fill")
    assert ink == "rgb(154, 160, 171)"


def test_on_a_phone_the_table_scrolls_and_the_model_stays(site, open_page):
    screen = {"viewport": {"width": 390, "height": 844}}
    page = open_page(site / "index.html", **screen)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".board").evaluate("region => { region.scrollLeft = 600; }")
    box = page.get_by_role("link", name="Alpha", exact=True).bounding_box()
    assert 0 <= box["x"] < box["x"] + box["width"] < 390
    card = open_page(site / "models" / "beta.html", **screen)
    assert card.evaluate("document.documentElement.scrollWidth") <= 390


def test_hostile_names_are_shown_and_do_nothing(tmp_path, opened, open_page):
    long, turned = "wide" * 100, "\u202eesrever \u05d0\u05d1"
    numbers = (measured(0.5), reported(0.4, HOSTILE), measured(0.3, dataset=HOSTILE))
    texts = {"training": HOSTILE, "unreliable": HOSTILE}
    texts |= dict.fromkeys(("red_flags", "links"), ((HOSTILE, HOSTILE),))
    one = entrant(HOSTILE, *numbers, slug="a", **texts)
    others = [entrant(long, measured(0.6), slug="b", paper=long), entrant(turned, reported(0.2), slug="c")]
    page = opened(board(one, *others), viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert HOSTILE.replace("\u2028", " ") in " ".join(names(page)).replace("\u2028", " ")
    page.locator(".more").nth(1).click()
    page.locator("#attack").select_option(HOSTILE)
    assert len(names(page)) == 1
    page.reload()
    assert page.locator("#attack").input_value() == HOSTILE
    page.locator("#dataset").select_option(label=HOSTILE.replace("\u2028", " ").strip())
    assert len(names(page)) == 1
    card = open_page(tmp_path / "models" / "a.html")
    assert "alert(1)" in card.locator("h1").inner_text()


def test_what_is_offered_for_download_is_there(site, page):
    hrefs = page.locator("a[download]").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert hrefs == ["leaderboard.csv", "leaderboard.json", "rankings.json"]
    assert all((site / href).exists() for href in hrefs)


def test_a_board_of_nobody_opens(opened):
    assert "No model is on this leaderboard yet" in opened(board()).locator("main").inner_text()


def test_a_doubt_is_of_the_database_whose_numbers_were_audited(opened):
    numbers = (measured(0.3, "auto", worst_case=True), measured(0.2, "auto", dataset="vcl", worst_case=True))
    audits = (("live", "sound"), ("vcl", "doubtful"))
    page = opened(board(entrant("a", *numbers, audit="doubtful", audits=audits)))
    page.locator("#dataset").select_option(label="LIVE")
    assert not page.locator("#table .flag").is_visible()
    page.locator("#reliable").check()
    assert names(page) == ["a"]
    page.locator("#dataset").select_option(label="VCL")
    assert names(page) == []
    page.locator("#reliable").uncheck()
    assert page.locator("#table .flag").inner_text() == "doubtful"


@pytest.mark.parametrize("path", ["databases/live.html", "attacks/pgd.html"])
def test_pages_of_databases_and_attacks_are_accessible_and_lead_back(site, open_page, path):
    page = open_page(site / path, viewport={"width": 390, "height": 844})
    assert_accessible_in_light_and_dark(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    link = page.locator("section", has_text="PGD" if "live" in path else "LIVE").get_by_role(
        "link", name="Sort"
    )
    address, _, chosen = (link.get_attribute("href") or "").partition("#")
    assert (site / path).parent.joinpath(address).resolve() == site / "index.html"
    board_page = open_page(site / "index.html")
    board_page.goto(f"{board_page.url}#{chosen}")
    expect(board_page.locator("#caption")).to_have_text("LIVE, PGD, ε = 1/255")
