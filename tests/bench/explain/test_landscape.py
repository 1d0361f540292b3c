"""Directions at a right angle, and scores where they belong."""

import numpy as np
import pytest
import torch
from torch import nn

from iqabench.attacks import create_attack
from iqabench.bench.explain.landscape import landscape, random_direction
from iqabench.bench.explain.probe import Probe

PIXEL = 1 / 255


class Curved(nn.Module):
    """A differentiable score without symmetry, so that no point of a plane scores as another."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weights = nn.Parameter(torch.randn((3, 8, 10), generator=generator))

    def forward(self, images):
        return torch.sigmoid((self.weights * (images + images.square())).sum((1, 2, 3)))


class Noisy(Curved):
    def forward(self, images):
        return super().forward(images) + torch.rand(len(images))


@pytest.fixture
def image():
    return torch.rand((1, 3, 8, 10), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def probe():
    return Probe("curved", Curved().requires_grad_(False).eval())


@pytest.fixture
def label():
    return torch.tensor([0.7])


@pytest.mark.parametrize("zeros", [0, 100])
def test_the_random_direction_is_orthogonal_and_as_long_in_the_maximum_norm(zeros):
    along = torch.randn((1, 3, 16, 16), generator=torch.Generator().manual_seed(1)).sign()
    along.view(-1)[:zeros] = 0
    across = random_direction(along, seed=5)
    cosine = nn.functional.cosine_similarity(along.double().flatten(), across.double().flatten(), dim=0)
    assert abs(cosine) < 1e-7
    assert across.abs().max() == 1
    assert across.abs().min() > 0.8  # signs still, so about as long in the Euclidean norm too
    assert (across.dtype, across.shape) == (along.dtype, along.shape)


def test_orthogonalising_is_what_least_squares_leaves_over():
    along = torch.randn((1, 3, 4, 4), generator=torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(9)
    signs = (2 * torch.randint(0, 2, along.shape, generator=generator) - 1).double().numpy().ravel()
    column = along.double().numpy().reshape(-1, 1)
    left_over = signs - column[:, 0] * np.linalg.lstsq(column, signs, rcond=None)[0]
    found = random_direction(along, seed=9).numpy().ravel()
    assert found == pytest.approx(left_over / np.abs(left_over).max(), abs=1e-6)


def test_two_models_get_the_same_signs_from_a_seed_and_others_from_another():
    first, second = (torch.randn((1, 3, 16, 16)).sign() for _ in range(2))
    assert torch.equal(random_direction(first, 4).sign(), random_direction(second, 4).sign())
    assert not torch.equal(random_direction(first, 4).sign(), random_direction(first, 5).sign())


def test_a_model_without_a_gradient_still_gets_a_random_direction():
    assert torch.equal(random_direction(torch.zeros((1, 3, 8, 8)), 0).abs(), torch.ones((1, 3, 8, 8)))


@pytest.mark.parametrize("epsilon", [1, 0.3, 8])
def test_the_centre_is_the_clean_score_and_one_epsilon_along_is_fgsm(probe, image, label, epsilon):
    along = probe.fgsm_direction(image, label)
    found = landscape(probe, image, along, random_direction(along, 0), epsilon)
    (attacked,) = create_attack("fgsm").perturb(probe.model, image, label, [epsilon * PIXEL])
    centre = int(np.flatnonzero(found.steps == 0)[0])
    fgsm = int(np.flatnonzero(found.steps == epsilon)[0])
    assert found.scores[centre, centre] == pytest.approx(probe.model(image).item(), abs=1e-6)
    assert found.scores[centre, fgsm] == pytest.approx(probe.model(attacked).item(), abs=1e-6)
    assert found.steps[[0, -1]] == pytest.approx([-2 * epsilon, 2 * epsilon])


def test_every_point_is_the_score_of_the_displaced_and_clamped_image(probe, image, label):
    along = probe.fgsm_direction(image, label)
    across = random_direction(along, 0)
    found = landscape(probe, image, along, across, 20)  # so far that many pixels are clamped
    for row, up in enumerate(found.steps):
        for column, right in enumerate(found.steps):
            moved = (image + PIXEL * (float(right) * along + float(up) * across)).clamp(0, 1)
            assert found.scores[row, column] == pytest.approx(probe.model(moved).item(), abs=1e-5)


def test_the_spread_along_the_random_direction_is_that_of_the_middle_column(probe, image, label):
    along = probe.fgsm_direction(image, label)
    found = landscape(probe, image, along, random_direction(along, 0), 1)
    assert found.spread == found.scores.max() - found.scores.min()
    assert found.random_spread == np.ptp(found.scores[:, found.steps == 0])
    assert found.random_spread < found.spread


def test_the_landscape_of_a_random_model_is_of_one_draw(image, label):
    model = Noisy().requires_grad_(False).eval()
    probe = Probe("noisy", model, stochastic=True)
    still = Probe("curved", Curved().requires_grad_(False).eval())
    along = probe.fgsm_direction(image, label)
    across = random_direction(along, 0)
    drawn = (
        landscape(probe, image, along, across, 1).scores - landscape(still, image, along, across, 1).scores
    )
    assert drawn == pytest.approx(np.full((21, 21), drawn[0, 0]), abs=1e-6)
    assert drawn[0, 0] == pytest.approx(probe.scores(image)[0] - still.scores(image)[0], abs=1e-6)
