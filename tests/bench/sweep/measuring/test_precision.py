"""What a device changes about a sweep: the precision of the search, and batches that its memory holds."""

import json

import numpy as np
import pytest
import torch
from torch import nn

PLUGIN = """

from torch.nn import functional as F


class Edges(nn.Module):
    recipe = "none"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)) / 4)

    def forward(self, images):
        return F.conv2d(images, self.weight, stride=2).tanh().mean((1, 2, 3)) + 0.5


iqabench.register_model("edges")(Edges)


@iqabench.register_model("large")
class Large(Edges):
    '''Needs more memory than there is for more than three images with their gradients.'''

    def forward(self, images):
        if len(images) > 3 and images.requires_grad:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return super().forward(images)


@iqabench.register_model("large_and_random")
class LargeAndRandom(Large):
    stochastic = True

    def forward(self, images):
        return super().forward(images) + 1e-3 * torch.rand(len(images))
"""


@pytest.fixture
def measured(sweep, iqabench, tiny_config, tmp_path):
    """Sweep a model of the plugin with further lines in [run]; return the console and the rows of results."""
    plain = tiny_config.read_text().replace("batch_size = 2\n", "", 1)

    def swept(model, *lines):
        tiny_config.write_text(plain.replace("[run]\n", "\n".join(["[run]", *lines, ""])))
        shared = ["--results", str(tmp_path / f"results {model} {lines}")]
        done, _ = sweep("--models", model, "--attacks", "apgd", "--epsilons", "4", *shared, exits=None)
        rows = iqabench("results", "--format", "json", *shared).output
        return done, *json.loads(rows or "[]")

    return swept


def test_a_search_in_bf16_is_scored_in_float32(measured, with_bf16):
    with_bf16(True)
    (_, clean, full), (_, same_clean, low) = measured("edges"), measured("edges", 'precision = "bf16"')
    assert same_clean["key"] == clean["key"]
    assert low["key"] != full["key"]
    assert (full["precision"], low["precision"]) == ("", "bf16")
    assert low["srocc"] != full["srocc"] or low["median_width"] != full["median_width"]
    # A search that is off by the 8 bits of a bfloat16 mantissa still takes nearly the same signs.
    assert low["median_width"] == pytest.approx(full["median_width"], rel=0.05)
    assert same_clean["srocc"] == clean["srocc"]


def test_without_instructions_the_search_is_in_float32_and_says_so(measured, with_bf16):
    with_bf16(False)
    done, _, asked = measured("edges", 'precision = "bf16"')
    assert "no instructions for bf16" in done.output
    assert asked["key"] == measured("edges")[2]["key"]


def test_a_batch_that_the_memory_does_not_hold_is_halved_and_changes_no_score(measured):
    sizes = [measured("large", f"batch_size = {size}")[1:] for size in ('"auto"', "8", "2")]
    for clean, attacked in sizes:
        assert attacked["status"] == "ok"
        np.testing.assert_allclose(
            [clean["srocc"], attacked["srocc"], attacked["median_width"]],
            [sizes[-1][0]["srocc"], sizes[-1][1]["srocc"], sizes[-1][1]["median_width"]],
            rtol=1e-5,
        )


def test_a_batch_on_which_results_depend_is_not_halved(measured):
    done, *rows = measured("large_and_random", "batch_size = 8")
    assert done.exit_code == 2
    assert "the GPU's memory does not hold a batch of" in done.output
    assert [row["attack"] for row in rows] == ["none"]


def test_only_models_that_draw_nothing_are_compiled(measured, monkeypatch):
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda model: compiled.append(type(model).__name__))
    (_, *plain), (_, *again) = measured("edges"), measured("edges", "compile = true")
    assert compiled == ["Edges"]
    assert [row["key"] for row in again] == [row["key"] for row in plain]
    measured("large_and_random", "compile = true")
    assert compiled == ["Edges"]


def test_a_model_that_cannot_be_compiled_is_used_as_it_is_and_said(measured, monkeypatch):
    def broken(*_):
        raise RuntimeError("no compiler\nand a long story")

    monkeypatch.setattr(nn.Module, "compile", lambda model: setattr(model, "_compiled_call_impl", broken))
    done, *rows = measured("edges", "compile = true")
    assert "not compiled (RuntimeError: no compiler)" in done.output
    assert [row["status"] for row in rows] == ["ok", "ok"]


def test_tf32_is_allowed_for_the_time_of_a_block():
    from iqabench.bench.training.precision import precision_on, tf32_where

    before = torch.backends.cudnn.allow_tf32
    with tf32_where("tf32"):
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.allow_tf32
        with tf32_where("fp32"):
            assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
    assert precision_on(torch.device("cpu"), "tf32") == "fp32"
