"""Mistakes in options, models and images are answered before anything runs."""

import re

import pytest
import torch


@pytest.fixture
def refused(sweep, tmp_path):
    """Run a sweep that is answered with exit status 2 and without a traceback, before anything is trained."""

    def run(*options):
        done, cells = sweep(*options, exits=2)
        assert "Traceback" not in done.output
        assert not cells
        assert not list((tmp_path / "results").rglob("*.safetensors"))
        return done.output

    return run


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--models", "tny", "unknown model 'tny': did you mean 'tiny'"),
        ("--attacks", "fgms", "unknown attack 'fgms': did you mean 'fgsm'"),
        ("--attacks", "none", "every sweep scores clean images; `--epsilons 0` scores them alone"),
        ("--datasets", "syntetic", "unknown dataset 'syntetic': did you mean 'synthetic'"),
        ("--datasets", "nowhere.csv", "nowhere.csv"),
        ("--datasets", "/no/such/folder", "'/no/such/folder': no such folder or CSV file: /no/such/folder"),
        ("--device", "cuda", "no CUDA GPU"),
        ("--profile", "dmo", "unknown profile 'dmo': did you mean 'demo'"),
        ("--epsilons", "one", "found 'one', accepted is a number in units of 1/255, such as 8 or \"8/255\""),
        ("--epsilons", "1,0.03", "found '0.03', accepted is a radius in units of 1/255"),
        ("--epsilons", "-1", "epsilons.0"),
        ("--seed", "-1", "[run]: key 'seed': found [-1], accepted is a whole number from 0 to 2^63 - 1"),
        ("--regime", "dirty", "'dirty' is not one of 'clean', 'adversarial'"),
    ],
)
def test_a_mistake_is_answered_before_anything_runs(refused, option, value, message):
    if value == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert message in refused(option, value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("column", r"gives shape \(2, 1\) for 2 images"),
        ("grey", r"Grey cannot score two images, shape \(2, 3, 24, 24\)"),
        ("broken", r"cannot be built: RuntimeError: no luck \(.*\.py, line \d+: raise"),
        ("misled", r"model 'misled': unknown training recipe 'nonsense'"),
    ],
)
def test_a_model_that_breaks_the_contract_is_answered_before_anything_is_trained(refused, model, message):
    assert re.search(message, refused("--models", f"tiny,{model}"))


def test_too_few_training_images_for_a_batch_are_answered(refused, tiny_config):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 4", "batch_size = 64"))
    assert re.search("'drawn' has 3[05] training images, fewer than one batch of 64", refused())


def test_an_image_that_cannot_be_read_is_named_before_anything_is_trained(refused, drawn_database):
    image = drawn_database.parent / "images" / "scene3_2.png"
    image.write_bytes(image.read_bytes()[:100])
    assert "scene3_2.png" in refused()
