"""docs/datasets.md and docs/report.md: their commands run as written, on stand-ins for the databases."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from iqabench.examples.drawn import draw

from .pages import blocks, commands, page_of


def shortened(page: str, heading: str) -> list[list[str]]:
    """Return the `iqabench` commands below a heading, with a tiny model and a short search in their stead."""
    section = re.split(r"^## ", page_of(page), flags=re.MULTILINE)
    (found,) = [part for part in section if part.startswith(f"{heading}\n")]
    return commands(found.replace("resnet", "tiny").replace("auto", "apgd"))


@pytest.fixture
def follow(
    iqabench: Callable[..., Result],
    drawn_database: Path,
    tiny_plugin: Path,
    tiny_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, str], list[str]]:
    """Run the commands of a section in a folder that has all that it speaks of; return what each says."""
    monkeypatch.chdir(tmp_path)
    databases = "".join(
        f'[datasets.{name}]\nadapter = "csv"\nroot = "{drawn_database}"\n'
        for name in ("live", "vcl", "koniq")
    )
    text = tiny_config.read_text().replace("epochs = 3", "epochs = 1")
    text = text.replace("[run]", '[run]\ndatasets = ["live"]\nlimit = 10')
    Path("bench.toml").write_text(text + databases + "[attacks.apgd]\nsteps = 1\n")

    def run(page: str, heading: str) -> list[str]:
        told = []
        for command in shortened(page, heading):
            plugin = ["--plugin", str(tiny_plugin)] if command[0] == "run" else []
            done = iqabench(*command, *plugin, exits=0)
            told.append(done.output)
        return told

    return run


def test_models_trained_on_one_database_are_measured_on_another(follow, tmp_path):
    swept, _, compared = follow("datasets.md", "Across databases")
    assert "3 models trained" in swept
    assert "trained on koniq" in compared
    text = (tmp_path / "report" / "report.html").read_text()
    assert text.count("trained on vcl") > 1
    assert "Table X" in text


def test_a_folder_of_pictures_is_measured_without_labels(follow, tmp_path):
    (tmp_path / "photos").mkdir()
    draw(tmp_path / "photos", scenes=1).unlink()
    verified, swept, _ = follow("datasets.md", "Images without labels")
    assert "scores are not compared with any" in verified
    assert "no SROCC, as the images have no labels" in swept
    page = (tmp_path / "report" / "report.html").read_text()
    for shown in ("Mean rise", "Mean fall", "R (MSU)", "PSNR", "SSIM"):
        assert shown in page
    assert page.index('id="tableU"') < page.index('id="table1"')


def test_a_layout_of_ones_own_is_read_by_an_adapter_of_a_plugin(iqabench, tmp_path, monkeypatch):
    section = page_of("datasets.md").partition("\n## A layout of your own\n")[2]
    monkeypatch.chdir(tmp_path)
    (plugin,) = blocks(section, "python")
    (table,) = blocks(section, "toml")
    Path("my_database.py").write_text(plugin)
    Path("bench.toml").write_text(f"[run]\nepsilons = [1]\nlimit = 5\n{table}")
    Path("pictures").mkdir()
    generator = np.random.default_rng(0)
    for scene in range(10):
        for score in (2.5, 7.25):
            pixels = generator.normal(128, 10 * (9 - score), (48, 64, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(f"pictures/{score}-scene{scene}-wn.png")
    verified, swept = (
        iqabench(*(part.replace("auto", "fgsm") for part in command), exits=0).output
        for command in commands(section)
    )
    assert "20 of 10 scenes" in verified
    assert "2.5 to 7.25 on a scale from 0 to 10" in verified
    assert "2 computed, 0 found done" in swept


def test_images_are_shown_beside_the_report_and_a_logistic_is_stated(follow, tmp_path):
    follow("report.md", "Images")
    assert (tmp_path / "report" / "images.html").is_file()
    told, _ = follow("report.md", "A logistic before PLCC and RMSE")
    assert "after a logistic of four parameters" in told
    assert "after a logistic of five parameters" in (tmp_path / "report" / "report.html").read_text()
