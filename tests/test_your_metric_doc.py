"""docs/your-metric.md works as written: from a .pth file and a database in KonIQ's layout to a report."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from iqabench.bench.core import registry

from .pages import blocks, commands, page_of

PAGE = page_of("your-metric.md")
SPEED = '\n[run]\nimage_size = 32\n\n[profiles.demo.attacks.auto]\nbudget = "quick"\n'


@pytest.fixture
def koniq(tmp_path, monkeypatch):
    """A project as the page assumes it: drawn photographs in KonIQ's layout, a test list, the code."""
    monkeypatch.chdir(tmp_path)
    draw, names = np.random.default_rng(0), [f"{number}.jpg" for number in range(24)]
    Path("koniq/1024x768").mkdir(parents=True)
    for number, name in enumerate(names):
        noisy = 128 + draw.normal(0, 2 + 3 * number, (40, 48, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(Path("koniq/1024x768", name), quality=95)
    scores = pd.DataFrame({"image_name": names, "MOS": np.linspace(4.5, 1.5, len(names))})
    scores.to_csv("koniq/koniq10k_scores_and_distributions.csv", index=False)
    Path("test.txt").write_text("# the official test set\n" + "\n".join(names[::3]) + "\n")
    for block in blocks(PAGE, "python"):
        Path(block.splitlines()[0].removeprefix("# ")).write_text(block)
    Path("bench.toml").write_text("".join(blocks(PAGE, "toml")[:1]) + SPEED)
    torch.manual_seed(1)
    model = registry.by_path("net.py:Net")()
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 40}, "best.pth")
    return model


def test_from_a_checkpoint_to_a_report(koniq, iqabench):
    for arguments in commands(blocks(PAGE)[0]):
        done = iqabench(*arguments, exits=0)
        if arguments[0] == "run":
            assert (
                "best.pth: the entry 'state_dict' was taken out; the prefix 'module.' was taken off"
                in done.output
            )
    found = pd.read_csv(table(iqabench))
    assert list(found["attack"]) == ["none", "auto", "auto"]
    assert set(found["n"]) == {8}
    assert found["worst_srocc"].iloc[-1] < found["srocc"].iloc[0]
    assert Path("report/report.html").is_file()


def test_scores_are_those_of_the_network_on_normalised_pixels(koniq, iqabench):
    assert iqabench("run", "--models", "mine", "--attacks", "noise", "--datasets", "koniq").exit_code == 0
    cells = [pd.read_parquet(path) for path in Path("results/cells").rglob("*.parquet")]
    clean = next(cell for cell in cells if len(cell.columns) and cell["image"].iloc[0].endswith("0.jpg"))
    assert clean["score"].between(0, 1).all()


def test_a_black_box_is_measured_with_the_number_of_its_queries(koniq, iqabench):
    text = Path("bench.toml").read_text() + blocks(PAGE, "toml")[1].replace('"python"', repr(sys.executable))
    Path("bench.toml").write_text(text)
    Path("program.py").write_text(
        "import sys, PIL.Image, PIL.ImageStat\n"
        "print('score:', PIL.ImageStat.Stat(PIL.Image.open(sys.argv[1])).stddev[0] / 128)\n"
    )
    (arguments,) = commands(blocks(PAGE)[1])
    done = iqabench(*arguments, exits=0)
    assert "koniq / sharpness: left out fgsm, which needs a gradient" in done.output
    found = pd.read_csv(table(iqabench)).set_index("attack")
    assert list(found.index) == ["none", "square"]
    assert found.loc["none", "queries"] == 8
    assert found.loc["square", "queries"] >= 8 * 2 * 50
    iqabench(
        "run", "--models", "program", "--attacks", "noise", "--datasets", "koniq", "--limit", "2", exits=0
    )


def test_a_class_of_ones_own_is_trained_and_audited(koniq, iqabench):
    small = """
[training]
epochs = 1
batch_size = 8
[models.small]
backbone = "test_resnet"
[attacks.auto]
budget = "quick"
[datasets.koniq]
root = "koniq"
[run]
image_size = 32
epsilons = [1]
"""
    Path("bench.toml").write_text(small + '[profiles.demo.attacks.auto]\nbudget = "quick"\n')
    running, auditing = commands(blocks(PAGE)[2])
    iqabench(*running, exits=0)
    assert set(pd.read_csv(table(iqabench))["model"]) == {"small"}
    done = iqabench(*auditing)
    assert done.exit_code in (0, 1), done.output


def table(iqabench):
    done = iqabench("results", "--format", "csv", exits=0)
    Path("table.csv").write_text(done.stdout)
    return "table.csv"
