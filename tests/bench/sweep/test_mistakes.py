"""Mistakes in options, models and images are answered before anything runs."""

import re

import pytest

WRONG_PLUGIN = """
import torch
from torch import nn
import iqabench


@iqabench.register_model("column")
class Column(nn.Module):
    def forward(self, images):
        return images.mean(dim=(1, 2, 3)).unsqueeze(1)


@iqabench.register_model("grey")
class Grey(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 3)

    def forward(self, images):
        return self.convolution(images).mean(dim=(1, 2, 3))


@iqabench.register_model("broken")
class Broken(nn.Module):
    def __init__(self) -> None:
        raise RuntimeError("no luck")
"""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "tny"], "unknown model 'tny': did you mean 'tiny'"),
        (["--attacks", "fgms"], "unknown attack 'fgms': did you mean 'fgsm'"),
        (["--datasets", "syntetic"], "unknown dataset 'syntetic': did you mean 'synthetic'"),
        (["--datasets", "nowhere.csv"], "nowhere.csv"),
        (["--device", "cuda"], "no CUDA GPU"),
        (["--profile", "dmo"], "unknown profile 'dmo': did you mean 'demo'"),
        (
            ["--epsilons", "one"],
            "found 'one', accepted is a number in units of 1/255, such as 8 or \"8/255\"",
        ),
        (["--epsilons", "1,0.03"], "found '0.03', accepted is a radius in units of 1/255"),
        (["--epsilons", "-1"], "epsilons.0"),
        (
            ["--seed", "-1"],
            "command line: [run]: key 'seed': found [-1], accepted is a whole number from 0 to 2^63 - 1",
        ),
        (["--regime", "dirty"], "'dirty' is not one of 'clean', 'adversarial'"),
    ],
)
def test_a_mistake_is_answered_before_anything_runs(iqabench, tiny_sweep, tmp_path, options, message):
    if options == ["--device", "cuda"]:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
    done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output
    assert not list((tmp_path / "results").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("column", r"gives shape \(2, 1\) for 2 images"),
        ("grey", r"Grey cannot score two images, shape \(2, 3, 24, 24\)"),
        ("broken", r"cannot be built: RuntimeError: no luck \(.*\.py, line \d+: raise"),
    ],
)
def test_a_model_that_breaks_the_contract_is_answered_before_anything_is_trained(
    iqabench, tiny_sweep, tmp_path, model, message
):
    (tmp_path / "wrong.py").write_text(WRONG_PLUGIN)
    options = ["--plugin", str(tmp_path / "wrong.py"), "--models", f"tiny,{model}"]
    done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert re.search(message, done.output)
    assert not list((tmp_path / "results").rglob("*.safetensors"))


def test_too_few_training_images_for_a_batch_are_answered(iqabench, tiny_sweep, tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 4", "batch_size = 64"))
    done = iqabench("run", *tiny_sweep, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert re.search("'drawn' has 3[05] training images, fewer than one batch of 64", done.output)


def test_an_image_that_cannot_be_read_is_named_before_anything_is_trained(
    iqabench, tiny_sweep, drawn_database, tmp_path
):
    image = drawn_database.parent / "images" / "scene3_2.png"
    image.write_bytes(image.read_bytes()[:100])
    done = iqabench("run", *tiny_sweep, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert "scene3_2.png" in done.output
    assert "Traceback" not in done.output
    assert not list((tmp_path / "results").rglob("*.safetensors"))
