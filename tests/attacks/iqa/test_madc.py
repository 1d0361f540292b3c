"""Maximum differentiation against the image that is best for a linear score, which is known."""

import pytest
import torch
from torch import nn

from iqabench.attacks.iqa.madc import MADC
from iqabench.attacks.tools.objectives import ascend, descend

WEIGHTS = torch.randn((3, 16, 16), generator=torch.Generator().manual_seed(5), dtype=torch.float64) / 100


class Linear(nn.Module):
    def forward(self, images):
        return 0.5 + ((images - 0.5) * WEIGHTS).sum((1, 2, 3))


class Bowl(nn.Module):
    """Falls with the squared error alone, so that nothing can be gained at one error."""

    def forward(self, images):
        return 1 - (images - 0.5).square().sum((1, 2, 3))


@pytest.fixture
def images():
    return torch.full((2, 3, 16, 16), 0.5, dtype=torch.float64)


@pytest.mark.parametrize(("objective", "sign"), [(ascend, 1), (descend, -1)])
def test_of_a_linear_score_it_finds_the_best_image_of_that_error(objective, sign, images):
    radius = 0.6
    attack = MADC(norm="l2", steps=60)
    (found,) = attack.perturb(Linear(), images, torch.zeros(2), [radius], objective=objective)
    best = images + sign * radius * WEIGHTS / WEIGHTS.norm()
    torch.testing.assert_close(found, best, atol=0.02 * radius, rtol=0)
    gained = sign * (Linear()(found) - Linear()(images))
    assert (gained > 0.995 * radius * WEIGHTS.norm()).all()


def test_the_error_is_the_same_for_every_score(images, model):
    epsilon = 16 / 255
    for victim in (Linear(), Bowl(), model.double()):
        for share in (0.3, 0.6):
            (found,) = MADC(share=share, steps=10).perturb(
                victim, images, torch.zeros(2), [epsilon], objective=descend
            )
            errors = (found - images).square().mean((1, 2, 3)).sqrt()
            assert (errors <= share * epsilon * (1 + 1e-9)).all()
            assert (errors > 0.93 * share * epsilon).all()
            assert (found - images).abs().max() <= epsilon


def test_a_step_goes_along_the_part_of_the_gradient_that_keeps_the_error(images):
    """Where the gradient is that of the error itself, no step is taken: the start is what comes back."""
    labels = torch.zeros(2)
    first, later = (
        next(MADC(norm="l2", steps=steps).perturb(Bowl(), images, labels, [0.5], objective=descend))
        for steps in (1, 30)
    )
    torch.testing.assert_close(first, later, atol=1e-6, rtol=0)
