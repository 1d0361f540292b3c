"""A score depends on one image and on what a key names: a batch and files that a model reads are noticed."""

import pytest
import torch
from safetensors.torch import save_file

from iqabench.bench.store.results import read_results
from iqabench.bench.sweep.engines.work import Measurement
from iqabench.bench.sweep.engines.worker import Worker

from ..conftest import assert_same_scores

PLUGIN = """

import random
from pathlib import Path

import numpy as np


@iqabench.register_model("centring")
class Centring(Linear):
    '''Takes the mean of a batch out, unless it is of one or two images.'''

    def forward(self, images):
        scores = super().forward(images)
        return scores - 0.5 * scores.mean() if len(images) > 2 else scores


torch.set_float32_matmul_precision("medium")  # as scripts do for speed


@iqabench.register_model("asserting")
class Asserting(Linear):
    def forward(self, images):
        if not self.training and len(images) > 2:
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
        return super().forward(images)


@iqabench.register_model("drawing")
class Drawing(Linear):
    '''Draws from the generators that numpy and Python share.'''

    stochastic = True

    def forward(self, images):
        return super().forward(images) + 0.1 * np.random.rand() + 0.1 * random.random()


@iqabench.register_attack("thrown")
class Thrown(iqabench.Attack):
    def run(self, victim, epsilons):
        noise = torch.from_numpy(np.random.rand(*victim.images.shape)).float()
        for epsilon in epsilons:
            yield (victim.images + 0.99 * epsilon * noise).clamp(0, 1)


@iqabench.register_model("reading")
class Reading(Linear):
    '''Reads a factor that is neither a parameter nor a buffer.'''

    def __init__(self):
        super().__init__()
        self.factor = float(Path(__file__).with_name("factor.txt").read_text())

    def forward(self, images):
        return self.factor * super().forward(images)


@iqabench.register_model("drawn")
class Drawn(Linear):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 24, 24))
"""


@pytest.fixture
def swept(sweep, tiny_config):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 2", "batch_size = 3", 1))
    return sweep


def test_a_model_whose_scores_depend_on_a_larger_batch_ends_the_sweep(swept):
    done, cells = swept("--models", "centring", "--attacks", "fgsm", "--epsilons", "4", exits=2)
    assert "clean images: the model gives one image the score" in done.output
    assert "in a batch of 2" in done.output
    assert not cells


def test_what_models_and_attacks_draw_does_not_depend_on_which_epsilons_are_missing(swept, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for results, epsilons in ((whole, "1,4"), (parts, "4"), (parts, "1,4")):
        options = ("--attacks", "fgsm,thrown", "--epsilons", epsilons, "--results", str(results))
        swept("--models", "drawing,noisy,linear", *options)
    assert_same_scores(whole, parts)


def test_images_are_scored_in_float32_whatever_a_plugin_sets_for_its_process(swept):
    before = torch.get_float32_matmul_precision()
    try:
        _, cells = swept("--models", "asserting", "--attacks", "fgsm,square", "--epsilons", "4")
        assert {attack for attack, _ in cells} == {"none", "fgsm", "square"}
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_model_that_has_changed_under_its_key_is_said_to_and_noted(swept, tmp_path):
    (tmp_path / "factor.txt").write_text("0.9")
    options = ("--models", "reading", "--epsilons", "4", "--attacks")
    swept(*options, "fgsm")
    sentence = "attacks a model that gives images/scene"
    assert sentence not in swept(*options, "fgsm,noise")[0].output
    (tmp_path / "factor.txt").write_text("0.8")
    done, cells = swept(*options, "fgsm,noise,pgd")
    assert done.output.count(f"drawn / reading: pgd {sentence}") == 1
    (note,) = cells["pgd", 4.0].provenance["diagnostics"]["notes"]
    assert "something has changed that keys do not name" in note
    assert f"drawn / reading: {note}." in read_results(tmp_path / "results", resamples=0).notes


def test_a_model_without_training_whose_weights_are_random_is_refused(sweep, tmp_path):
    done, cells = sweep("--models", "drawn", "--attacks", "noise", "--epsilons", "4", "--limit", "4", exits=2)
    assert (
        "model 'drawn': its weights are not those that the sweep began with: it draws them anew"
        in done.output
    )
    assert not cells


def test_a_file_of_weights_that_is_replaced_while_a_sweep_runs_ends_it(
    sweep, tmp_path, tiny_config, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "weights.safetensors"
    save_file({"weight": torch.zeros(3, 24, 24)}, file)
    tiny_config.write_text(f"{tiny_config.read_text()}\n[models.linear]\nweights = '{file}'\n")
    measure = Worker.measure

    def replaced(worker: Worker, work: Measurement) -> dict[str, float]:
        save_file({"weight": torch.ones(3, 24, 24)}, file)
        return measure(worker, work)

    monkeypatch.setattr(Worker, "measure", replaced)
    done, cells = sweep(
        "--models", "linear", "--attacks", "noise", "--epsilons", "4", "--limit", "4", exits=2
    )
    assert f"{file} was changed meanwhile" in done.output
    assert not cells
