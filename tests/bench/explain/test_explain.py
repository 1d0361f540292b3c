"""`iqabench explain` as a user runs it, and the image it takes."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from iqabench.attacks import create_attack
from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.core.errors import UserError
from iqabench.bench.datasets.pixels import to_float
from iqabench.bench.explain.explain import explain
from iqabench.bench.store.explanation import read_explanation
from iqabench.bench.sweep.runner import trained_models

FIGURES = ("figure1", "figure4", "figure5")
TABLES = ("figure1", "figure1-pixels", "figure4", "figure5", "figure5-change")


@pytest.fixture
def options(tmp_path, tiny_sweep, tiny_config):
    """Options of `explain` for the drawn database, where all models are small enough for it."""
    small = 'backbone = "resnet18"\nbackbone_args = { layers = [1, 1, 1, 1], channels = [4, 8, 8, 16] }\n'
    tables = "".join(f"[models.{name}]\n{small}\n" for name in ("resnet", "cprl"))
    quick = (
        tiny_config.read_text()
        .replace("epochs = 3", "epochs = 1")
        .replace("batch_size = 2", "batch_size = 21")
    )
    tiny_config.write_text(quick + tables)
    config, plugin, (_, dataset) = tiny_sweep[:2], tiny_sweep[2:4], tiny_sweep[4:]
    return [*config, *plugin, "--dataset", dataset, "--results", str(tmp_path / "store")]


@pytest.fixture
def settings(options, tiny_config, tiny_plugin, drawn_database, monkeypatch):
    """Makes the settings that `explain` is called with."""
    monkeypatch.setitem(registry._PLUGINS, "models", {})
    registry.load_plugin(tiny_plugin)

    def make(*models, **run):
        run = {"datasets": [str(drawn_database)], "attacks": ["fgsm"], "epsilons": [1.0], **run}
        return load_settings(tiny_config, overrides={"run": {"models": list(models), **run}})

    return make


def test_it_writes_three_figures_and_the_numbers_behind_them_and_the_same_again(iqabench, options, tmp_path):
    ran = iqabench("explain", "cprl", *options, exits=0)
    out = tmp_path / "store" / "explain" / "drawn" / "cprl"
    files = [f"{name}.{form}" for name in FIGURES for form in ("svg", "png", "pdf")] + [
        f"{name}.csv" for name in TABLES
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "explanation.npz"])
    printed = ran.stdout.splitlines()
    assert [str(out / name) in printed for name in files] == [True] * len(files)
    assert [line.split(":")[0] for line in printed[len(files) :]] == ["Figure 1", "Figure 4", "Figure 5"]
    for name in FIGURES:
        assert ElementTree.parse(out / f"{name}.svg").getroot().tag.endswith("svg")
        with Image.open(out / f"{name}.png") as picture:
            assert picture.width > 1000

    scores = pd.read_csv(out / "figure1.csv").set_index("model")
    assert list(scores.index) == ["cprl", "resnet"]
    plane = pd.read_csv(out / "figure4.csv").set_index(["model", "along_fgsm", "along_random"])["score"]
    for model in scores.index:
        assert plane[model, 0, 0] == pytest.approx(scores["clean"][model], abs=2e-6)
        assert plane[model, 1, 0] == pytest.approx(scores["attacked"][model], abs=2e-6)
    pixels = pd.read_csv(out / "figure1-pixels.csv")
    assert len(pixels) == 24 * 24
    changes = pixels.filter(like="_change").to_numpy()
    assert set(np.unique(changes)) <= {-1, 0, 1}
    assert changes.any()
    channels = pd.read_csv(out / "figure5.csv")
    assert channels.groupby(["model", "stage"]).size().to_dict() == {
        ("cprl", 3): 8, ("cprl", 4): 16, ("resnet", 3): 8, ("resnet", 4): 16,
    }  # fmt: skip

    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    assert len(trained) == 2
    iqabench("explain", "cprl", *options, "--out", str(tmp_path / "again"), exits=0)
    assert trained == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    for name in files:
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_numbers_are_kept_in_the_store_and_a_model_without_residual_blocks_has_no_stages(settings, tmp_path):
    found = explain(settings("tiny", "resnet"), tmp_path / "store", image="0", show=False)
    kept = read_explanation(tmp_path / "store" / "explain" / "drawn" / "tiny")
    assert kept.image.path == found.image.path
    assert np.array_equal(kept.models[1].stages[3].clean, found.models[1].stages[3].clean)
    assert [model.name for model in found.models] == ["tiny", "resnet"]
    assert [len(model.stages) for model in found.models] == [0, 4]


def test_the_image_taken_is_moved_by_the_median_over_the_test_images(settings, tmp_path):
    chosen = settings("tiny", "resnet")
    found = explain(chosen, tmp_path / "store", show=False)
    (job, model), _ = trained_models(chosen, tmp_path / "store", show=False)
    rows, table = job.data.test_rows, job.data.dataset.table
    moved = {}
    for row in rows.tolist():
        image = to_float(job.data.cache.test_batch([row]), "cpu")
        label = torch.tensor([table["quality"][row]])
        (attacked,) = create_attack("fgsm").perturb(model, image, label, [1 / 255])
        change = (model(attacked) - model(image)).item()
        moved[table["path"][row]] = -change if label > 0.5 else change
    assert all(change > 0 for change in moved.values())
    in_order = sorted(moved, key=moved.__getitem__)
    assert found.image.path == in_order[(len(rows) - 1) // 2]
    assert f"the median of {len(rows)} test images" in found.image.chosen
    first = found.models[0]
    assert first.median_move == pytest.approx(np.median(list(moved.values())), abs=1e-6)
    assert abs(first.attacked - first.clean) == pytest.approx(moved[found.image.path], abs=1e-6)


def test_an_image_is_asked_for_by_path_by_its_end_or_by_number(settings, tmp_path):
    chosen = settings("tiny", "resnet")
    images = {}
    for asked in ("images/scene3_1.png", "scene3_1.png", "2"):
        images[asked] = explain(chosen, tmp_path / "store", image=asked, show=False).image
    assert images["images/scene3_1.png"].path == images["scene3_1.png"].path == "images/scene3_1.png"
    assert images["scene3_1.png"].quality == 0.75
    (job, _), _ = trained_models(chosen, tmp_path / "store", show=False)
    assert images["2"].path == job.data.dataset.table["path"][job.data.test_rows[2]]
    assert images["2"].split == "test"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--image", "scene3_7.png"], "did you mean 'images/scene3_"),
        (["--image", "99"], "test images, numbered 0 to"),
        (["--beside", "tiny"], "--beside tiny: that is the model itself"),
        (["--beside", "resnt"], "did you mean 'resnet'"),
        (["--epsilon", "0"], "--epsilon 0: must be above 0"),
        (["--epsilon", "300"], "epsilons"),
        (["--dataset", "all"], "one dataset and two models by their names"),
        (["--out", "tiny.toml"], "the figures cannot be written"),
    ],
)
def test_a_mistake_is_named(iqabench, options, tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    ran = iqabench("explain", "tiny", *options, "--image", "0", *changes, exits=2)
    assert message in ran.stderr
    assert "Traceback" not in ran.output


def test_an_ending_that_several_images_share_is_refused(settings, drawn_database, tmp_path):
    table = pd.read_csv(drawn_database)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scene3_1.png").write_bytes((tmp_path / "images" / "scene3_1.png").read_bytes())
    again = table[table["path"] == "images/scene3_1.png"].assign(path="other/scene3_1.png")
    pd.concat([table, again]).to_csv(drawn_database, index=False)
    with pytest.raises(
        UserError, match=r"2 images of 'drawn' end like this: 'images/scene3_1.png' or 'other/"
    ):
        explain(settings("tiny", "resnet"), tmp_path / "store", image="scene3_1.png", show=False)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('function = "numpy:mean"\n', "'other' is a black box, which shows none"),
        ('like = "tiny"\npixels = "native"\n', "'tiny' and 'other' are given others: see `pixels`"),
    ],
)
def test_what_cannot_be_explained_is_told_before_anything_is_trained(
    settings, tiny_config, tmp_path, table, told
):
    tiny_config.write_text(f"{tiny_config.read_text()}\n[models.other]\n{table}")
    with pytest.raises(UserError, match=told):
        explain(settings("tiny", "other"), tmp_path / "store", show=False)
    assert not list((tmp_path / "store").rglob("*.safetensors"))
