"""Images without labels: intervals and how visible they are, and no SROCC, with the reason."""

import math

import numpy as np
import pandas as pd
import pytest

from iqabench.bench.store.results import read_results

PIXEL = 1 / 255


@pytest.fixture
def pictures(drawn_database):
    """The folder of the drawn images, one of them deeper, with files that are not images."""
    folder = drawn_database.parent / "images"
    (folder / "deeper").mkdir()
    (folder / "scene0_0.png").rename(folder / "deeper" / "scene0_0.PNG")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_gives_intervals_and_visibility_and_says_why_there_is_no_srocc(sweep, pictures, tmp_path):
    options = ("--datasets", str(pictures), "--models", "linear", "--limit", "12")
    done, cells = sweep(*options, "--attacks", "apgd,fgsm", "--epsilons", "2,4")
    assert "images / linear: left out fgsm: the images have no labels" in done.output
    assert "no SROCC, as the images have no labels; median width" in done.output
    assert set(cells) == {("none", 0.0), ("apgd", 2.0), ("apgd", 4.0)}
    table = pd.read_parquet(cells["apgd", 4.0].path)
    assert len(table) == 12
    assert table["quality"].isna().all()
    assert "worst" not in table
    # A linear score moves most where every pixel is at the ball's edge, or at black or white before it.
    bound = -20 * math.log10(4 * PIXEL)
    assert table["high_psnr"].between(bound, bound + 1).all()
    assert table["low_ssim"].between(0.3, 1).all()

    found = read_results(tmp_path / "results").frame.set_index(["attack", "epsilon"]).loc[("apgd", 4.0)]
    assert found["status"] == "images without labels"
    assert math.isnan(found["srocc"])
    assert math.isnan(found["worst_srocc"])
    assert found["median_width"] == pytest.approx(np.median(table["high"] - table["low"]))
    assert found["gain_up"] == pytest.approx((table["high"] - table["score"]).mean())
    both = np.concatenate([table["low_psnr"], table["high_psnr"]])
    assert found["psnr"] == pytest.approx(np.median(both), abs=1e-6)
    assert found["median_width_low"] <= found["median_width"] <= found["median_width_high"]


def test_a_report_says_that_there_are_no_labels_and_how_far_scores_move(sweep, iqabench, pictures, tmp_path):
    options = ("--datasets", str(pictures), "--models", "linear", "--limit", "6")
    sweep(*options, "--attacks", "apgd", "--epsilons", "4")
    place = ("--results", str(tmp_path / "results"))
    shown = iqabench("results", *place).output
    assert "images without labels" in shown
    assert "median width" in shown
    assert "psnr" in shown
    for form in ("html", "latex", "csv", "markdown"):
        iqabench("report", "--format", form, *place, "--out", str(tmp_path / "report"), exits=0)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "The images of images have no labels, so there is no SROCC of them." in text
    assert "| linear, " in text
    assert "undefined" not in text


def test_what_needs_labels_is_refused_with_what_to_do(sweep, pictures):
    done, _ = sweep("--models", "tiny", "--datasets", str(pictures), "--attacks", "apgd", exits=2)
    assert "has no labels to train 'tiny' with: give it its weights" in done.output


def test_datasets_verify_looks_at_a_folder(iqabench, pictures, tiny_config, tmp_path):
    done = iqabench("datasets", "verify", str(pictures), "--config", str(tiny_config), exits=0)
    assert "40 of 40 scenes" in done.output
    assert "none: scores are not compared with any" in done.output
    (pictures / "copy.png").write_bytes((pictures / "scene1_0.png").read_bytes())
    (pictures / "cut.png").write_bytes((pictures / "scene1_1.png").read_bytes()[:200])
    done = iqabench("datasets", "verify", str(pictures), "--config", str(tiny_config), exits=1)
    assert "copy.png = scene1_0.png" in done.output
    assert "cut.png" in done.output


def test_a_folder_without_images_is_refused(sweep, tmp_path):
    (tmp_path / "empty").mkdir()
    done, _ = sweep("--datasets", str(tmp_path / "empty"), "--models", "linear", "--attacks", "apgd", exits=2)
    assert "no images in this folder or under it" in done.output


def test_an_attack_with_one_image_each_keeps_its_visibility_too(sweep, tmp_path):
    _, cells = sweep("--models", "linear", "--attacks", "fgsm", "--epsilons", "4")
    table = pd.read_parquet(cells["fgsm", 4.0].path)
    bound = -20 * math.log10(4 * PIXEL)
    assert table["psnr"].between(bound, bound + 1).all()
    assert not {"psnr", "ssim"} & set(pd.read_parquet(cells["none", 0.0].path))
    row = read_results(tmp_path / "results").frame.set_index("attack").loc["fgsm"]
    assert row[["psnr", "ssim"]].tolist() == pytest.approx(
        table[["psnr", "ssim"]].median().tolist(), abs=1e-6
    )
