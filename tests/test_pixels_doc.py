"""docs/pixels.md works as written: its tables are configurations, and its command runs."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iqabench.bench.core.config import load_settings
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.plan import plan_models

from .pages import blocks, commands, page_of

PAGE = page_of("pixels.md")
(TABLES,) = blocks(PAGE, "toml")


def test_the_tables_give_each_model_its_pixels(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(TABLES)
    names = re.findall(r"\[models\.(\w+)\]", TABLES)
    settings = load_settings(config, overrides={"run": {"models": [*names, "brisque"]}})
    texts = [model.framing.text for model in plan_models(settings)]
    assert texts == [None, "native", "16 patches of 96", "resized to 256, centre 224", "native"]


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A database that stands for LIVE in the page's command: whole pictures of two shapes."""
    generator, rows = np.random.default_rng(0), []
    for scene in range(8):
        shape = ((48, 64), (56, 40))[scene % 2]
        smooth = np.kron(generator.normal(128, 30, (8, 8)), np.ones((7, 8)))[: shape[0], : shape[1]]
        for level in range(3):
            noisy = smooth[..., None] + generator.normal(0, 2 + 12 * level, (*smooth.shape, 3))
            path = f"{scene}-{level}.png"
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(tmp_path / path)
            rows.append({"path": path, "score": 2 - level, "scene": scene})
    pd.DataFrame(rows).to_csv(tmp_path / "live.csv", index=False)
    return tmp_path / "live.csv"


def test_the_command_attacks_brisque_on_whole_pictures(iqabench, live, tmp_path):
    config = tmp_path / "bench.toml"
    config.write_text(
        f'[datasets.live]\nadapter = "csv"\nroot = "{live}"\nlow = 0\nhigh = 2\n'
        '[attacks.auto]\nbudget = "quick"\n'
    )
    (command,) = commands("".join(blocks(PAGE, "shell")))
    arguments = [*command, "--epsilons", "2", "--limit", "3", "--config", str(config)]
    iqabench(*arguments, "--results", str(tmp_path / "results"), exits=0)
    cells = {cell.provenance["cell"]["attack"]: cell for cell in Store(tmp_path / "results").cells()}
    assert {cell.provenance["cell"]["pixels"] for cell in cells.values()} == {"native"}
    table = pd.read_parquet(cells["auto"].path)
    assert (table["low"] < table["score"]).all()
