"""The HTML report as a reader meets it in a browser: sorted, asked for provenance, in the dark."""

import pandas as pd
import pytest

from iqabench.bench.store.results import Results
from iqabench.reports.formats.html import render_html
from iqabench.reports.paper.report import compose

from ...fabricated import results as fabricated_results
from ...fabricated import under_auto
from ..hostile import FIELDS

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

HOSTILE = "</script><script>alert(1)</script>\"'&<!--"


@pytest.fixture
def opened(tmp_path, open_page):
    """Open the report on a results table."""

    def at(table, **options):
        return open_page(written(table, tmp_path), **options)

    return at


def written(table, folder):
    path = folder / "report.html"
    path.write_text(render_html(compose(table)), encoding="utf-8")
    return path


def table(page, slug):
    return page.locator(f"section[aria-labelledby={slug}] table")


def column(page, slug, place):
    """The first line of each cell of a column, from the top."""
    cells = table(page, slug).locator(f"tbody tr > :nth-child({place})").all_text_contents()
    return [cell.split("[")[0].strip() for cell in cells]


def sort_by(page, slug, heading, place=0):
    table(page, slug).get_by_role("button", name=heading, exact=True).nth(place).click()


def open_cells(page):
    page.get_by_text("Show").first.click()


def ask(page, slug, text):
    table(page, slug).get_by_role("button", name=text, exact=True).first.click()
    return page.get_by_role("dialog")


def told(dialog):
    """What a dialog says, by the names of the facts."""
    return dialog.evaluate(
        """dialog => {
          const facts = {};
          for (const name of dialog.querySelectorAll("dt")) {
            const values = [];
            for (let next = name.nextElementSibling; next?.tagName === "DD"; next = next.nextElementSibling)
              values.push(next.textContent);
            facts[name.textContent] = values;
          }
          return facts;
        }"""
    )


def test_of_very_many_cells_the_first_are_shown_until_all_are_asked_for(opened, results):
    page = opened(results(*({"seed": seed, "srocc": seed / 1000} for seed in range(501))))
    open_cells(page)
    rows = table(page, "cells").locator("tbody tr:visible")
    assert rows.count() == 500
    sort_by(page, "cells", "SROCC")
    assert rows.count() == 500
    assert rows.first.locator("td").nth(5).inner_text() == "500"
    page.get_by_role("button", name="Show all 501 rows").click()
    assert rows.count() == 501


@pytest.fixture(scope="module")
def report_on_four(tmp_path_factory):
    """The report on four models: one ranks in reverse, one diverged, and two agree in PLCC."""
    four = fabricated_results(
        {"model": "resnet", "srocc": 0.05, "plcc": 0.3, "mse": 0.02},
        {"model": "nima", "status": "constant scores"},
        {"model": "sat", "srocc": -0.9, "plcc": 0.3, "mse": 0.1},
        {"model": "cprl", "srocc": 0.7, "plcc": 0.1, "mse": 0.01},
    )
    return written(four, tmp_path_factory.mktemp("four"))


def test_a_metric_sorts_from_its_best_then_from_its_worst_then_as_the_paper_has_it_and_equals_stay_in_order(
    open_page, report_on_four
):
    page = open_page(report_on_four)
    assert column(page, "table4", 1) == ["NIMA", "ResNet", "SAT", "CPRL"]
    for heading, order, models in (
        ("SROCC", "descending", ["CPRL", "ResNet", "SAT", "NIMA"]),
        ("SROCC", "ascending", ["SAT", "ResNet", "CPRL", "NIMA"]),
        ("SROCC", None, ["NIMA", "ResNet", "SAT", "CPRL"]),
        ("PLCC", "descending", ["ResNet", "SAT", "CPRL", "NIMA"]),
        ("PLCC", "ascending", ["CPRL", "ResNet", "SAT", "NIMA"]),
        ("MSE", "ascending", ["CPRL", "ResNet", "SAT", "NIMA"]),
    ):
        sort_by(page, "table4", heading)
        assert column(page, "table4", 1) == models
        assert table(page, "table4").locator("th", has_text=heading).get_attribute("aria-sort") == order
        marked = table(page, "table4").locator("[aria-sort]").all_text_contents()
        assert marked == [heading] * (order is not None)


def test_counts_with_a_comma_between_thousands_sort_as_numbers(opened, results):
    page = opened(results(*({"dataset": f"d{n}", "n": n} for n in (999, 1005, 12000))))
    sort_by(page, "table3", "Test images")
    counts = [text for text in column(page, "table3", 4) if text != "–"]
    assert counts == ["12,000", "1,005", "999"]


def test_what_was_not_run_comes_last_in_either_order(opened, results):
    elsewhere = {"dataset": "vcl", "model": "sat"}
    page = opened(results(elsewhere, {"model": "resnet", "srocc": -0.2}, {"model": "cprl", "srocc": 0.3}))
    sort_by(page, "table4", "SROCC", place=1)
    assert column(page, "table4", 1) == ["CPRL", "ResNet", "SAT"]
    sort_by(page, "table4", "SROCC", place=1)
    assert column(page, "table4", 1) == ["ResNet", "CPRL", "SAT"]


def test_the_table_of_all_cells_sorts_by_every_column_numbers_as_numbers(opened, results):
    cells = ((8.0, -0.1, 90, "b10"), (16.0, -0.5, 1000, "b9"), (0.5, 0.2, 200, "a"))
    names = ("epsilon", "srocc", "n", "model")
    page = opened(results(*({"attack": "fgsm", **dict(zip(names, cell, strict=True))} for cell in cells)))
    open_cells(page)
    for heading, place, shown in (
        ("ε", 8, ["0.5", "8", "16"]),
        ("Images", 9, ["90", "200", "1000"]),
        ("SROCC", 11, ["0.2000", "−0.1000", "−0.5000"]),
        ("Model", 3, ["a", "b9", "b10"]),
    ):
        sort_by(page, "cells", heading)
        assert column(page, "cells", place) == shown
    for heading in table(page, "cells").locator("thead th").all():
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") in ("ascending", "descending", None)


def test_a_number_tells_what_stands_behind_it(opened, swept_results, swept_table):
    page = opened(swept_results)
    one = "dataset == 'live' and model == 'cprl' and attack == 'pgd' and epsilon == 1"
    (cell,) = swept_table.query(one).to_dict("records")
    text = f"{cell['srocc']:.4f}".replace("-", "−")
    dialog = ask(page, "table2", text)
    assert dialog.get_by_role("heading").first.inner_text() == (
        f"SROCC {text} [{cell['srocc_low']:.3f}, {cell['srocc_high']:.3f}]".replace("-", "−")
    )
    assert "CPRL on LIVE under PGD at 1/255." in dialog.inner_text()
    facts = told(dialog)
    for name, column_ in {
        "Command": "command", "Versions": "versions", "Device": "device", "Profile": "profile",
        "Computed": "created", "Checkpoint": "checkpoint", "Digest of the weights": "weights", "File": "file",
        "Model's parameters": "model_params", "Attack's parameters": "attack_params",
        "Digest of the split": "split_digest", "Training regime": "regime",
    }.items():  # fmt: skip
        assert facts[name] == [cell[column_]]
    assert facts["Seed"] == ["0"]
    assert facts["ε"] == ["1/255"]
    assert facts["Test images"] == ["120"]
    assert facts["SROCC"][0].startswith(text)
    assert "Limit" not in facts


def test_a_mean_names_the_cells_of_all_its_seeds(opened, results):
    rows = [{"seed": seed, "srocc": srocc, "file": f"cells/{seed}"} for seed, srocc in ((0, 0.8), (3, 0.6))]
    page = opened(results(*rows))
    dialog = ask(page, "table4", "0.7000")
    facts = told(dialog)
    assert "the mean of 2 cells of one seed each; the interval holds those of all" in dialog.inner_text()
    assert facts["SROCC"] == ["seed 0: 0.8000 [0.700, 0.900]", "seed 3: 0.6000 [0.500, 0.700]"]
    assert facts["File"] == ["seed 0: cells/0", "seed 3: cells/3"]
    assert facts["Seed"] == ["0", "3"]
    assert facts["Digest of the weights"] == ["seed 0: w-resnet-0", "seed 3: w-resnet-3"]
    assert facts["Model"] == ["ResNet"]


def test_a_diverged_model_and_a_row_of_all_cells_tell_it_too(open_page, report_on_four):
    page = open_page(report_on_four)
    assert told(ask(page, "table4", "diverged"))["Status"] == ["constant scores"]
    page.keyboard.press("Escape")
    open_cells(page)
    dialog = ask(page, "cells", "key2")
    assert dialog.get_by_role("heading").first.inner_text() == "Cell key2"
    assert told(dialog)["Model"] == ["SAT"]


def test_all_of_it_works_by_keyboard_and_focus_returns(open_page, report_on_four):
    page = open_page(report_on_four)
    table(page, "table4").get_by_role("button", name="SROCC").focus()
    page.keyboard.press("Enter")
    assert column(page, "table4", 1)[0] == "CPRL"
    assert page.evaluate("document.activeElement.textContent") == "SROCC"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "0.7000"
    page.keyboard.press("Space")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert page.evaluate("document.activeElement.textContent") == "0.7000"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close").click()
    assert dialog.is_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_stands_in_the_way_of_any_reader(opened, ablated, results, width):
    others = results(
        {"model": "sat", "status": "constant scores", "key": "a"}, {"dataset": "vcl", "key": "b"}
    )
    page = opened(
        Results(pd.concat([ablated.frame, others.frame], ignore_index=True)),
        viewport={"width": width, "height": 800},
    )
    for summary in page.locator("summary").all():
        summary.click()
    for place, scheme in enumerate(("light", "dark")):
        page.emulate_media(color_scheme=scheme)
        assert axe.Axe().run(page).response["violations"] == []
        table(page, "table5").locator("button[data-cells]").nth(place).click()
        assert axe.Axe().run(page, context="dialog").response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        dialog = page.get_by_role("dialog").bounding_box()
        assert dialog["x"] >= 0
        assert dialog["x"] + dialog["width"] <= width
        page.keyboard.press("Escape")


def robust_rows():
    """Two models without attack, and their worst cases at three strengths."""
    rows = [{"model": name, "srocc": 0.9} for name in ("resnet", "cprl")]
    return rows + [
        under_auto(name, epsilon, -0.1) for name in ("resnet", "cprl") for epsilon in (1.0, 2.0, 4.0)
    ]


def test_the_first_table_fits_a_printed_page(opened, results):
    page = opened(
        results(*robust_rows()), viewport={"width": 688, "height": 1000}
    )  # A4 with margins of 14 mm
    page.emulate_media(media="print")
    box = page.locator("section[aria-labelledby=table0] .scroll")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    assert box.locator("tbody tr").last.evaluate("row => getComputedStyle(row).display") == "table-row"


def test_no_column_is_cut_off_and_each_number_says_what_it_is_on_a_narrow_screen(opened, results):
    page = opened(results(*robust_rows()), viewport={"width": 390, "height": 800})
    for box in page.locator(".scroll:not(.all)").all():
        assert box.evaluate("box => box.scrollWidth - box.clientWidth") <= 0  # less where closed
    labels = table(page, "table0").locator("tr", has_text="CPRL").locator("td").all()
    assert [cell.get_attribute("data-label").replace("\xa0", " ") for cell in labels] == [
        "Clean SROCC",
        *(f"Worst-case SROCC, ε = {epsilon}/255" for epsilon in (1, 2, 4)),
        "Drop at 1/255",
        "Median width at 1/255",
        "Audit",
        "Seconds an image",
    ]
    assert all(cell.is_visible() for cell in labels)


def test_the_page_is_dark_for_who_reads_in_the_dark(open_page, report_on_four):
    def colours(page):
        return page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )

    light, dark = (colours(open_page(report_on_four, color_scheme=scheme)) for scheme in ("light", "dark"))
    assert light == ["rgb(29, 32, 38)", "rgb(255, 255, 255)"]
    assert dark == ["rgb(232, 234, 238)", "rgb(22, 24, 28)"]


def test_without_script_a_number_leads_to_the_row_of_its_cell(open_page, report_on_four):
    page = open_page(report_on_four, java_script_enabled=False)
    assert page.get_by_role("button").count() == 0
    table(page, "table4").get_by_role("link", name="0.7000").click()
    row = page.locator("tr:target")
    assert row.is_visible()
    assert [row.locator("td").nth(place).inner_text() for place in (1, 3, 4)] == [
        "CPRL",
        "clean",
        "no attack",
    ]


def test_text_of_a_user_is_text_wherever_it_is_shown(opened, results):
    hostile = dict.fromkeys((*FIELDS, "variant", "key"), HOSTILE)
    page = opened(results({**hostile, "variant": ""}, {**hostile, "key": f"{HOSTILE}2", "regime": HOSTILE}))
    facts = told(ask(page, "table4", "0.5000"))
    assert facts["Command"] == facts["Checkpoint"] == facts["Model"] == [HOSTILE]
    assert page.locator("script").count() == 2
    page.keyboard.press("Escape")
    open_cells(page)
    sort_by(page, "cells", "File")
    assert column(page, "cells", 3) == [HOSTILE, HOSTILE]
