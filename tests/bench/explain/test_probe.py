"""A probe gives the same answer whenever it is asked."""

import pytest
import torch

from iqabench.attacks import create_attack
from iqabench.attacks.tools.balls import displaced
from iqabench.bench.explain.probe import Probe
from iqabench.models import create_model

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.rand((5, 3, 32, 32), generator=generator), torch.rand(5, generator=generator)


def probe(name, **changes):
    torch.manual_seed(0)
    model = create_model(name, backbone="resnet18", backbone_args=TINY).eval().requires_grad_(False)
    return Probe(name, model, **{"stochastic": model.stochastic, "batch_size": 2, **changes})


def test_scores_are_the_models_whatever_the_batch(batch):
    images, _ = batch
    resnet = probe("resnet")
    assert resnet.scores(images) == pytest.approx(resnet.model(images).numpy(), abs=1e-6)


def test_a_random_model_scores_an_image_the_same_at_every_asking_and_place(batch):
    images, _ = batch
    lwta = probe("lwta")
    with torch.inference_mode():
        assert not torch.equal(lwta.model(images), lwta.model(images))
    together, alone = lwta.scores(images), lwta.scores(images[3:4])
    assert together[3] == alone[0]
    assert (lwta.scores(images) == together).all()


def test_the_direction_is_the_one_fgsm_steps_along(batch):
    images, labels = batch
    resnet = probe("resnet", batch_size=5)
    (attacked,) = create_attack("fgsm").perturb(resnet.model, images, labels, [2 / 255])
    assert torch.equal(displaced(images, resnet.fgsm_direction(images, labels), 2 / 255), attacked)


def test_the_direction_on_a_random_model_is_averaged_over_samples_and_the_same_each_time(batch):
    images, labels = batch
    one, many = probe("lwta"), probe("lwta", samples=8)
    assert torch.equal(many.fgsm_direction(images, labels), many.fgsm_direction(images, labels))
    assert not torch.equal(one.fgsm_direction(images, labels), many.fgsm_direction(images, labels))


def test_asking_leaves_the_random_numbers_of_the_process_alone(batch):
    images, labels = batch
    lwta = probe("lwta")
    before = torch.get_rng_state()
    lwta.scores(images)
    lwta.fgsm_direction(images, labels)
    assert torch.equal(torch.get_rng_state(), before)
