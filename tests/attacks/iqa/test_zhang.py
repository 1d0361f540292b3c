"""The Lagrangian of Zhang et al.: a price on visibility makes images more like the clean ones."""

import pytest
import torch

from iqabench.attacks.iqa.zhang import ZhangSSIM
from iqabench.attacks.tools.objectives import ascend, descend
from iqabench.attacks.tools.visibility import ssim

EPSILON = 16 / 255


@pytest.fixture
def images():
    """Smooth images, on which a perturbation is easy to see."""
    ramp = torch.linspace(0.3, 0.7, 24)
    return torch.stack(
        [ramp.view(1, 1, -1).expand(3, 24, 24), ramp.view(1, -1, 1).expand(3, 24, 24)]
    ).contiguous()


@pytest.mark.parametrize("objective", [ascend, descend])
def test_a_higher_price_gives_a_higher_ssim_and_a_smaller_change(objective, model, images):
    labels, found = torch.full((2,), 0.5), {}
    for weight in (0.0, 0.05, 1000.0):
        (attacked,) = ZhangSSIM(weight=weight).perturb(model, images, labels, [EPSILON], objective=objective)
        with torch.no_grad():
            change = objective(model(attacked), labels) - objective(model(images), labels)
        found[weight] = ssim(images, attacked), change
    for cheap, dear in ((0.0, 0.05), (0.05, 1000.0)):
        assert (found[cheap][0] < found[dear][0]).all()
        assert (found[cheap][1] > found[dear][1]).all()
    assert (found[1000.0][0] > 0.999).all()


def test_the_lagrangian_is_at_least_that_of_plain_ascent(model, images):
    labels = torch.full((2,), 0.5)

    def lagrangian(attacked):
        with torch.no_grad():
            return model(attacked) - 0.05 * (1 - ssim(images, attacked))

    priced, plain = (
        next(ZhangSSIM(weight=weight).perturb(model, images, labels, [EPSILON], objective=ascend))
        for weight in (0.05, 0.0)
    )
    assert (lagrangian(priced) > lagrangian(plain)).all()
    assert (lagrangian(priced) > lagrangian(images)).all()


def test_without_a_price_it_finds_the_end_of_a_linear_scores_interval():
    weights = torch.linspace(-1, 1, 3 * 16 * 16).view(3, 16, 16) / 400

    class Linear(torch.nn.Module):
        def forward(self, pixels):
            return 0.5 + ((pixels - 0.5) * weights).sum((1, 2, 3))

    images = torch.full((1, 3, 16, 16), 0.5)
    (found,) = ZhangSSIM(weight=0).perturb(Linear(), images, torch.zeros(1), [EPSILON], objective=ascend)
    expected = 0.5 + EPSILON * weights.abs().sum()
    torch.testing.assert_close(Linear()(found)[0], expected, atol=1e-4, rtol=0)
