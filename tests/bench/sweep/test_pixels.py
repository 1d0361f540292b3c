"""Sweeps of models that are given whole pictures of three shapes, patches of them, or another crop."""

import inspect
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import Result
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from iqabench.bench.datasets.framing import Patches
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.measuring.partial import Partial
from iqabench.bench.sweep.patches import PatchMean

from .conftest import cells_in

SHAPES = [(40, 52), (33, 48), (52, 40)]  # height, width


class Edges(nn.Module):
    """Mean of squared responses of random filters; for pictures of any size."""

    recipe = "none"
    pixels = "native"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.filters = nn.Conv2d(3, 4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(0.3 - self.filters(images).square().mean((2, 3)).sum(1))


PLUGIN = f"""
import torch
from torch import nn
import iqabench

{inspect.getsource(Edges)}

class Trained(Edges):
    recipe = "regression"


class OfOneSize(Trained):
    def forward(self, images):
        if tuple(images.shape[2:]) != (20, 20):
            raise ValueError("another size")
        return super().forward(images)


iqabench.register_model("edges")(Edges)
iqabench.register_model("trained")(Trained)
iqabench.register_model("of_one_size")(OfOneSize)
"""


@pytest.fixture
def pictures(tmp_path):
    """A CSV of 40 noisy pictures in three shapes, which alternate."""
    generator, rows = np.random.default_rng(0), []
    (tmp_path / "pictures").mkdir()
    for scene in range(8):
        for level in range(5):
            noise = generator.normal(128, 6 + 12 * level, (*SHAPES[(scene + level) % 3], 3))
            path = f"pictures/{scene}_{level}.png"
            Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(tmp_path / path)
            rows.append({"path": path, "score": 1 - level / 4, "scene": f"s{scene}"})
    pd.DataFrame(rows).to_csv(tmp_path / "shapes.csv", index=False)
    return tmp_path / "shapes.csv"


Swept = Callable[..., tuple[Result, Store]]


@pytest.fixture
def swept(iqabench, pictures, tiny_config, tmp_path):
    """Run a command on the pictures with the plugin; return what it said, and the store."""
    (tmp_path / "plugin.py").write_text(PLUGIN)

    def run(*options, command="run", results="results", tables="", exits=0):
        config = tmp_path / f"{results}.toml"
        config.write_text(tiny_config.read_text() + '[attacks.auto]\nbudget = "quick"\n' + tables)
        whole = ["--models", "edges", "--datasets", str(pictures)] if command == "run" else []
        done = iqabench(
            command, "--config", str(config), "--plugin", str(tmp_path / "plugin.py"),
            "--results", str(tmp_path / results), *whole, *options, exits=exits,
        )  # fmt: skip
        return done, Store(tmp_path / results)

    return run


def tables_of(store: Store) -> dict[tuple[str, float], pd.DataFrame]:
    return {
        (cell.provenance["cell"]["attack"], cell.provenance["cell"]["epsilon"]): pd.read_parquet(cell.path)
        for cell in store.cells()
    }


def test_whole_pictures_are_scored_as_they_are_and_stored_in_the_order_of_the_table(swept, pictures):
    _, store = swept("--attacks", "pgd,auto", "--epsilons", "4")
    model = Edges().requires_grad_(False)
    for table in tables_of(store).values():
        assert table["image"].is_monotonic_increasing
    clean = tables_of(store)["none", 0.0]
    shapes = set()
    for image, score in zip(clean["image"], clean["score"], strict=True):
        with Image.open(pictures.parent / image) as opened:
            pixels = v2.functional.pil_to_tensor(opened)[None] / 255
        shapes.add(tuple(pixels.shape[2:]))
        assert float(model(pixels)) == pytest.approx(score, abs=1e-6)
    assert shapes == set(SHAPES)
    auto = tables_of(store)["auto", 4.0]
    assert (auto["low"] < auto["score"]).all()
    assert (auto["high"] > auto["score"]).all()
    assert auto["worst"].between(auto["low"] - 1e-6, auto["high"] + 1e-6).all()


def test_results_depend_neither_on_the_batch_size_nor_on_who_shares_a_shape(swept, tiny_config):
    stores, text = [], tiny_config.read_text()
    options = ("--attacks", "pgd,auto", "--epsilons", "4", "--limit", "6")
    for size in (1, 50):
        tiny_config.write_text(text.replace("batch_size = 2", f"batch_size = {size}", 1))
        _, store = swept(*options, results=f"results-{size}")
        stores.append(tables_of(store))
    one, other = ({place: table.select_dtypes("number") for place, table in of.items()} for of in stores)
    assert one.keys() == other.keys()
    for place, table in one.items():
        pd.testing.assert_frame_equal(other[place], table, rtol=0, atol=2e-4)


def test_a_limit_and_saved_images_keep_the_shapes_of_the_pictures(swept, tmp_path, pictures):
    _, store = swept(
        "--attacks", "auto", "--epsilons", "4", "--limit", "5", "--save-images", str(tmp_path / "saved")
    )
    table = tables_of(store)["auto", 4.0]
    assert len(table) == 5
    folder = next((tmp_path / "saved").rglob("scores.csv")).parent
    listed = pd.read_csv(folder / "scores.csv")
    assert set(listed["image"]) == set(table["image"])
    for row in listed.itertuples():
        files = folder / str(row.file), pictures.parent / str(row.image)
        saved, original = (np.asarray(Image.open(file)).astype(int) for file in files)
        difference = saved - original
        assert 0 < abs(difference).max() <= 4


def test_an_interrupted_sweep_goes_on_to_the_same_numbers(swept, monkeypatch):
    options = ("--attacks", "auto", "--epsilons", "4", "--limit", "6")
    whole = tables_of(swept(*options, results="whole")[1])
    saves: list[int] = []

    def interrupted(partial: Partial) -> None:
        save(partial)
        saves.append(partial.done)
        if len(saves) == 3:
            raise KeyboardInterrupt

    save = Partial.save
    with monkeypatch.context() as patch:
        patch.setattr("iqabench.bench.sweep.measuring.partial.SAVE_EVERY", 0)
        patch.setattr(Partial, "save", interrupted)
        swept(*options, exits=130)
    started: list[int] = []
    restore = Partial._restore

    def watched(partial: Partial) -> str | None:
        damage = restore(partial)
        started.append(partial.done)
        return damage

    monkeypatch.setattr(Partial, "_restore", watched)
    _, store = swept(*options)
    assert max(started) > 0
    for place, table in tables_of(store).items():
        pd.testing.assert_frame_equal(table, whole[place])


def test_every_number_says_which_pixels_it_is_of(swept, iqabench, rows, tmp_path):
    _, store = swept("--attacks", "fgsm", "--epsilons", "4")
    swept("--attacks", "fgsm", "--epsilons", "4", tables='[models.edges]\npixels = "resize"\n')
    cells = cells_in(store.root)
    assert {(cell["pixels"], cell["image_size"]) for cell in cells} == {("native", None), (None, 24)}
    where = ["--results", str(tmp_path / "results")]
    assert {(row["pixels"], row["image_size"]) for row in rows()} == {("native", None), ("resize", 24)}
    assert "native" in iqabench("results", *where).output
    iqabench("report", "--format", "markdown", "--out", str(tmp_path / "report"), *where, exits=0)
    assert "Pixels" in "".join(file.read_text() for file in (tmp_path / "report").rglob("*.md"))


def test_other_commands_take_whole_pictures(swept, pictures, tmp_path):
    on = ["--dataset", str(pictures)]
    audited, _ = swept("edges", *on, command="audit", exits=None)
    assert audited.exit_code in (0, 1), audited.output
    like = '[models.other]\nlike = "edges"\n'
    swept("edges", "--beside", "other", *on, command="explain", tables=like)
    other = like + 'pixels = "patches"\n'
    refused, _ = swept("edges", "--beside", "other", *on, command="explain", tables=other, exits=2)
    assert "`pixels` in their tables" in refused.output


def test_a_model_is_trained_on_crops_of_whole_pictures_and_scored_on_patches(swept, pictures):
    tables = "[models.trained]\npixels = { patches = 5, size = 20 }\n"
    _, store = swept("--models", "trained", "--attacks", "fgsm", tables=tables)
    cells = [cell for cell in cells_in(store.root) if cell["model"] == "trained"]
    assert {(cell["pixels"], cell["image_size"]) for cell in cells} == {("5 patches of 20", 20)}
    trained = len([*store.root.glob("checkpoints/**/*.json")])
    again = tables.replace("patches = 5", "patches = 3")
    swept("--models", "trained", "--attacks", "fgsm", tables=again)
    assert len([*store.root.glob("checkpoints/**/*.json")]) == trained  # the same weights serve


def test_a_model_of_one_size_is_trained_and_scored_on_patches_of_that_size(swept):
    tables = "[models.of_one_size]\npixels = { patches = 5, size = 20 }\n"
    done, _ = swept("--models", "of_one_size", "--attacks", "fgsm,auto", "--epsilons", "1", tables=tables)
    assert "3 computed, 0 found done; 1 model trained" in done.output
    done, _ = swept("--models", "of_one_size", exits=2)
    assert "OfOneSize cannot score" in done.output


def test_a_picture_smaller_than_a_patch_is_named(swept, pictures):
    done, _ = swept(tables="[models.edges]\npixels = { patches = 2, size = 36 }\n", exits=2)
    assert "48 x 33 pixels, smaller than a patch of 36 x 36" in done.output
    assert str(pictures.parent) in done.output


@pytest.mark.parametrize(
    "value",
    ['"whole"', "{ patches = 0 }", "{ patches = 2, resize_crop = [40, 20] }", "{ resize_crop = [20, 40] }"],
)
def test_a_wrong_value_is_answered_with_what_is_accepted(swept, value):
    done, _ = swept(tables=f"[models.edges]\npixels = {value}\n", exits=2)
    assert "results.toml: [models.edges]: key 'pixels'" in done.output
    assert '"resize", "native", "patches"' in done.output


def test_resize_crop_is_that_of_torchvision(swept, pictures):
    _, store = swept("--attacks", "fgsm", tables="[models.edges]\npixels = { resize_crop = [30, 20] }\n")
    transform = v2.Compose([v2.Resize(30, antialias=True), v2.CenterCrop(20), v2.PILToTensor()])
    model = Edges().requires_grad_(False)
    for row in tables_of(store)["none", 0.0].itertuples():
        with Image.open(pictures.parent / str(row.image)) as opened:
            assert float(model(transform(opened)[None] / 255)) == pytest.approx(row.score, abs=1e-6)


@pytest.mark.parametrize("seed", [None, 3])
def test_the_gradient_flows_through_the_mean_of_the_patches(seed):
    patches = Patches(4, 4, seed)
    inner = Edges().requires_grad_(False).double().requires_grad_(False)
    model = PatchMean(inner, patches)
    pictures = torch.rand(2, 3, 9, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    places = patches.positions(9, 11)
    crops = [inner(pictures[:, :, top : top + 4, left : left + 4]) for top, left in places]
    torch.testing.assert_close(model(pictures), sum(crops) / 4)
    assert torch.autograd.gradcheck(model, pictures.clone().requires_grad_())
    pixels = pictures.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(pixels).sum(), pixels)
    covered = torch.zeros(9, 11, dtype=torch.bool)
    for top, left in places:
        covered[top : top + 4, left : left + 4] = True
    assert (gradient[:, :, covered] != 0).any(1).all()
    assert (gradient[:, :, ~covered] == 0).all()


@pytest.mark.parametrize("count", range(1, 30))
def test_regular_patches_are_as_many_as_asked_for_and_reach_every_side(count):
    places = Patches(count, 10).positions(60, 90)
    assert len(set(places)) == count
    assert all(0 <= top <= 50 and 0 <= left <= 80 for top, left in places)
    if count >= 4:
        assert {min(place) for place in zip(*places, strict=True)} == {0}
        assert [max(place) for place in zip(*places, strict=True)] == [50, 80]
