"""Full-reference metrics are attacked through the distorted image; the reference stays as it is."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from iqabench.bench.core.errors import UserError
from iqabench.bench.datasets.corruptions.everyday import corrupted
from iqabench.models.adapted.referenced import Referenced

PLUGIN = """
import torch
import iqabench

@iqabench.register_model("likeness")
class Likeness(torch.nn.Module):
    recipe, full_reference = "none", True
    def forward(self, images, references):
        assert not references.requires_grad
        return 1 - 4 * (images - references).abs().mean((1, 2, 3))
"""


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """Eight scenes at three levels of noise, with their references, in a CSV."""
    monkeypatch.chdir(tmp_path)
    draw, rows = np.random.default_rng(0), []
    for scene in range(8):
        original = np.kron(draw.integers(40, 216, (4, 4, 3)), np.ones((12, 12, 1)))
        Image.fromarray(original.astype(np.uint8)).save(f"original{scene}.png")
        for level in range(3):
            noisy = (original + draw.normal(0, 4 + 10 * level, original.shape)).clip(0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(f"image{scene}_{level}.png")
            row = {"path": f"image{scene}_{level}.png", "score": 3 - level, "scene": scene}
            rows.append(row | {"reference": f"original{scene}.png"})
    pd.DataFrame(rows).to_csv("pairs.csv", index=False)
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "bench.toml").write_text("[run]\nimage_size = 48\n")
    return tmp_path


def run(iqabench, *options, exits=0):
    return iqabench("run", "--plugin", "plugin.py", "--datasets", "pairs.csv", *options, exits=exits)


def pair_of(name):
    """Return the pixels of an image and of its reference."""
    scene = name.removeprefix("image").split("_")[0]
    return [np.asarray(Image.open(file), float) / 255 for file in (name, f"original{scene}.png")]


def likeness(name, changed=lambda pixels: pixels):
    image, original = pair_of(name)
    return 1 - 4 * np.abs(changed(image) - original).mean()


def test_each_image_is_compared_with_its_own_reference_and_attacked(pairs, iqabench, rows):
    run(iqabench, "--models", "likeness", "--attacks", "fgsm,square", "--epsilons", "8")
    of = {cell["attack"]: cell for cell in rows()}
    for row in pd.read_parquet(f"results/{of['none']['file']}").itertuples():
        assert row.score == pytest.approx(likeness(row.image), abs=1e-5)
    assert of["fgsm"]["srocc"] < of["none"]["srocc"] == pytest.approx(1, abs=0.06)
    assert of["square"]["worst_srocc"] <= of["none"]["srocc"]


def test_references_that_change_or_are_exchanged_are_measured_anew(pairs, iqabench):
    options = ("--models", "likeness", "--attacks", "noise", "--epsilons", "2")
    table = pd.read_csv("pairs.csv").assign(split="test")
    table.to_csv("pairs.csv", index=False)
    assert "2 computed" in run(iqabench, *options).output
    exchanged = {"original0.png": "original1.png", "original1.png": "original0.png"}
    table.assign(reference=table["reference"].replace(exchanged)).to_csv("pairs.csv", index=False)
    assert "2 computed, 0 found" in run(iqabench, *options).output
    table.to_csv("pairs.csv", index=False)
    assert "0 computed, 2 found" in run(iqabench, *options).output
    for scene in range(8):
        Image.fromarray(np.full((48, 48, 3), 40 + 20 * scene, np.uint8)).save(f"original{scene}.png")
    assert "2 computed, 0 found" in run(iqabench, *options).output


def resized(table):
    for scene in range(8):
        Image.new("RGB", (48, 60)).save(f"original{scene}.png")
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="reference"), "has no references"),
        (lambda table: table.assign(reference="none.png"), "'none.png', the reference of"),
        (resized, "pixels, its reference"),
    ],
)
def test_references_that_are_not_there_or_of_another_size_are_named(pairs, iqabench, change, message):
    change(pd.read_csv("pairs.csv")).to_csv("pairs.csv", index=False)
    assert message in run(iqabench, "--models", "likeness", "--attacks", "fgsm", exits=2).output


def test_pyiqas_metrics_are_full_reference_models(pairs, iqabench, rows):
    pytest.importorskip("pyiqa")
    from pyiqa.models.inference_model import InferenceModel

    run(iqabench, "--models", "pyiqa:psnr,pyiqa:gmsd", "--attacks", "fgsm", "--epsilons", "8")
    cells = {(cell["model"], cell["attack"]): cell for cell in rows()}
    clean = pd.read_parquet("results/" + cells["pyiqa:gmsd", "none"]["file"]).iloc[0]
    image, original = (
        torch.from_numpy(pixels).permute(2, 0, 1)[None].float() for pixels in pair_of(clean.image)
    )
    theirs = float(InferenceModel("gmsd", device="cpu")(image, original))
    assert clean.score == pytest.approx(1 - theirs, abs=1e-5)
    assert cells["pyiqa:psnr", "fgsm"]["srocc"] < cells["pyiqa:psnr", "none"]["srocc"]


def test_images_are_known_within_reach_and_no_further():
    images = [torch.full((1, 3, 16, 16), value) for value in (0.2, 0.25, 0.6)]

    class Mean(torch.nn.Module):
        def forward(self, images, references):
            return references.mean((1, 2, 3))

    model = Referenced(
        Mean(), images, ["a", "a", "b"], lambda number: torch.full((1, 3, 16, 16), number / 10)
    )
    assert model.reach == pytest.approx(0.175)
    found = model(torch.cat(images) + torch.tensor([0.02, 0.1, -0.17]).view(3, 1, 1, 1))
    torch.testing.assert_close(found, torch.tensor([0.0, 0.1, 0.2]))


def add_changed_scene(changed):
    """Add a ninth scene, which is what a change makes of the first, and have all images tested."""
    for name in ("original0.png", "image0_0.png"):
        Image.fromarray(changed(np.asarray(Image.open(name)))).save(name.replace("0", "8", 1))
    rows = pd.read_csv("pairs.csv")
    more = rows[rows["path"] == "image0_0.png"].assign(
        path="image8_0.png", scene=8, reference="original8.png"
    )
    pd.concat([rows, more]).assign(split="test").to_csv("pairs.csv", index=False)


def darkened(pixels):
    images = torch.from_numpy(np.asarray(pixels, np.float32) / 255).permute(2, 0, 1)[None]
    return corrupted(images, "brightness", 5)[0].permute(1, 2, 0).numpy()


def test_behind_a_defence_each_image_is_compared_with_its_own_reference(pairs, iqabench, rows):
    add_changed_scene(lambda pixels: pixels[:, ::-1])
    run(iqabench, "--models", "likeness", "--attacks", "fgsm", "--epsilons", "4", "--defences", "flip")
    (clean,) = (pd.read_parquet(f"results/{cell['file']}") for cell in rows() if cell["attack"] == "none")
    for row in clean.itertuples():
        assert row.score == pytest.approx(likeness(row.image, lambda pixels: pixels[:, ::-1]), abs=1e-5)


def test_corrupted_images_are_compared_with_their_own_references(pairs, iqabench):
    add_changed_scene(lambda pixels: (255 * darkened(pixels)).round().astype(np.uint8))
    options = ("--plugin", "plugin.py", "--datasets", "pairs.csv", "--models", "likeness")
    iqabench("corruptions", *options, "--out", "scores.csv")
    scores = pd.read_csv("scores.csv")
    fixed = scores[(scores["corruption"] == "brightness") & (scores["severity"] == 5)]
    assert len(fixed) > 0
    for row in fixed.itertuples():
        expected = likeness(row.image, lambda pixels: darkened(255 * pixels))
        assert row.score == pytest.approx(expected, abs=1e-5)


def test_versions_of_one_recognised_image_have_its_reference_however_many_and_far():
    images = [torch.full((1, 3, 16, 16), value) for value in (0.2, 0.4)]

    class Difference(torch.nn.Module):
        def forward(self, images, references):
            return (images - references).mean((1, 2, 3))

    model = Referenced(Difference(), images, ["a", "b"], lambda number: images[number])
    with model.recognising(images[0]):
        scores = model(torch.full((3, 3, 16, 16), 0.7))
    torch.testing.assert_close(scores, torch.full((3,), 0.5))


def test_an_image_that_cannot_be_recognised_is_not_scored():
    images = [torch.full((1, 3, 16, 16), value) for value in (0.2, 0.4)]
    model = Referenced(torch.nn.Identity(), images, ["a", "b"], lambda number: images[number])
    with pytest.raises(UserError, match="its reference cannot be told from others"):
        model(torch.full((1, 3, 16, 16), 0.7))
