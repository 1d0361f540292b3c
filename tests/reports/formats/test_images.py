"""The browser of images: those that moved furthest first, compared by eye, with the scores of all models."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iqabench.bench.store.results import read_results
from iqabench.reports.formats.images import write_images

from ...conftest import run_in

RUN = (
    "run --config tiny.toml --plugin plugin.py --datasets drawn.csv "
    "--attacks fgsm,apgd --epsilons 4 --save-images report/images"
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder with a small sweep that saved its images, and with the report on it."""
    return run_in(tmp_path_factory.mktemp("images"), RUN, "report", tables="[attacks.apgd]\nsteps = 3\n")


@pytest.fixture
def report(swept, tmp_path):
    """The folder of the report, beside the results."""
    for name in ("results", "report"):
        shutil.copytree(swept / name, tmp_path / name)
    return tmp_path / "report"


def scores(report, attack):
    return pd.read_csv(next(report.glob(f"images/*/*/{attack}-4/scores.csv")))


def movement(table):
    return (table["score_png"] - table["clean"]).abs().groupby(table["image"]).max()


def test_the_report_leads_to_it(report):
    assert '<a href="images.html">' in (report / "report.html").read_text()


def test_there_is_none_without_images_of_the_store_and_what_is_damaged_is_passed_over(report, tmp_path):
    results, root = read_results(tmp_path / "results").frame, tmp_path / "results"
    for path in report.glob("images/*/*/*/scores.csv"):
        path.write_text("image,end\n")
    assert write_images(results, root, report) is None
    shutil.rmtree(report / "images")
    assert write_images(results, root, report) is None


def test_a_file_outside_its_folder_is_not_shown(report, tmp_path):
    for path in report.glob("images/*/*/*/scores.csv"):
        path.write_text(path.read_text().replace("low/", "../low/").replace("adversarial/", "../a/"))
    assert write_images(read_results(tmp_path / "results").frame, tmp_path / "results", report) is None


def test_cells_of_seeds_regimes_and_knowledge_have_names_of_their_own(report, tmp_path):
    (path,) = report.glob("images/*/*/fgsm-4/scores.csv")
    row = read_results(tmp_path / "results").frame.set_index("key").loc[pd.read_csv(path)["cell"].iloc[0]]
    names = {
        "tiny": {},
        "tiny seed 1": {"seed": 1},
        "tiny adversarial": {"regime": "adversarial"},
        "tiny defence=jpeg": {"variant": "defence=jpeg", "knowledge": "adaptive"},
        "tiny defence=jpeg static": {"variant": "defence=jpeg", "knowledge": "static"},
    }
    cells = []
    for place, fields in enumerate(names.values()):
        folder = path.parents[2] / f"{place}" / "fgsm-4"
        folder.mkdir(parents=True)
        pd.read_csv(path).assign(cell=f"key{place}").to_csv(folder / "scores.csv", index=False)
        cells.append({**row, **fields, "key": f"key{place}"})
    shown = write_images(pd.DataFrame(cells), tmp_path / "results", report).read_text()
    known = json.loads(re.search(r'id="known"[^>]*>(.*?)</script>', shown)[1])
    assert sorted(cell["model"] for cell in known["cells"]) == sorted(names)


@pytest.fixture
def unlabelled(report, tmp_path):
    """The report's folder, where the store's cells have no labels and a key of digits only."""
    (path,) = report.glob("images/*/*/fgsm-4/scores.csv")
    table = pd.read_csv(path)
    results = read_results(tmp_path / "results").frame
    file = results.loc[results["key"] == table["cell"].iloc[0], "file"].iloc[0]
    stored = pd.read_parquet(tmp_path / "results" / file)
    stored.assign(quality=np.nan).to_parquet(tmp_path / "results" / file)
    table.assign(cell="0123456789" * 2).to_csv(path, index=False)
    shown = results[results["file"] == file].assign(key="0123456789" * 2)
    write_images(shown, tmp_path / "results", report)
    return report


def test_browser_shows_images_without_labels(unlabelled, open_page):
    page = open_page(unlabelled / "images.html")
    table = scores(unlabelled, "fgsm")
    assert page.locator("#images button").count() == table["image"].nunique()
    page.locator("#images button").first.click()
    assert page.locator("#viewer-name").inner_text().split(" · ")[0] in set(table["image"])
    assert "label" not in page.locator("#viewer-name").inner_text()


def test_browser_shows_the_images_that_moved_furthest_first_and_compares_them(report, open_page):
    page = open_page(report / "images.html", viewport={"width": 1280, "height": 900})
    page.locator("select[name=attack]").select_option("FGSM at 4/255")
    moved = movement(scores(report, "fgsm"))
    names = [text.split(" · ")[0] for text in page.locator("#images span").all_text_contents()]
    assert sorted(names) == sorted(moved.index)
    assert (moved[names].diff().dropna() < 2e-5).all()  # the page has five digits
    assert page.locator("#count").inner_text() == f"{len(moved)} images"

    page.locator("#images button").first.click()
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    for image in ("#clean", "#attacked"):
        page.wait_for_function(f"document.querySelector('{image}').naturalWidth > 0")
    page.get_by_label("How much of the image").fill("80")
    assert (
        page.locator("#attacked").evaluate("image => getComputedStyle(image).clipPath")
        == "inset(0px 0px 0px 20%)"
    )
    page.get_by_label("Difference, times").select_option("10")
    page.add_style_tag(content="#difference { width: auto !important; position: fixed; top: 0; left: 0; }")
    shown = Image.open(io.BytesIO(page.locator("#difference").screenshot())).convert("RGB")
    clean, attacked = (
        np.asarray(Image.open(report / page.locator(name).get_attribute("src")).convert("RGB"), int)
        for name in ("#clean", "#attacked")
    )
    assert np.abs(attacked - clean).max() == 4
    expected = (128 + 10 * (attacked - clean)).clip(0, 255)
    assert np.abs(np.asarray(shown, int) - expected).max() <= 1
    rows = dialog.locator("tbody tr").all_inner_texts()
    assert sorted(row.split("\t")[1].strip() for row in rows) == ["APGD at 4/255", "FGSM at 4/255"]


def test_browser_gives_what_rounds_to_zero_no_sign(report, open_page):
    page = open_page(report / "images.html")
    shown = page.evaluate("[-0.0004, -0, 0.0004, -0.0006, -1.5].map(number)")
    assert shown == ["0.000", "0.000", "0.000", "−0.001", "−1.500"]


def test_browser_finds_nothing_in_the_way_of_any_reader(report, open_page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = open_page(
            report / "images.html", color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        assert axe.Axe().run(page).response["violations"] == []
        page.locator("#images button").first.click()
        assert axe.Axe().run(page).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert Path(report / "images.html").stat().st_size < 100_000
