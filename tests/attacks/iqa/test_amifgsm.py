"""AMI-FGSM against its formula, written out with autograd."""

import pytest
import torch

from iqabench.attacks.iqa.amifgsm import AMIFGSM
from iqabench.attacks.mifgsm import MIFGSM
from iqabench.attacks.tools.objectives import ascend, descend

EPSILON = 8 / 255


@pytest.mark.parametrize("objective", [ascend, descend])
def test_steps_are_along_the_sign_of_the_sum_of_gradients(objective, model, batch):
    model, batch = model.double(), batch.to(torch.float64)
    (found,) = AMIFGSM(steps=6, decay=0.8).perturb(
        model, batch.images, batch.labels, [EPSILON], objective=objective
    )
    images, momentum = batch.images.clone(), torch.zeros_like(batch.images)
    for _ in range(6):
        pixels = images.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(model(pixels), batch.labels).sum(), pixels)
        momentum = gradient + 0.8 * momentum
        step = images + EPSILON / 6 * momentum.sign()
        images = step.clamp(batch.images - EPSILON, batch.images + EPSILON).clamp(0, 1)
    torch.testing.assert_close(found, images, atol=1e-12, rtol=0)
    with torch.no_grad():
        assert (objective(model(found), batch.labels) > objective(model(batch.images), batch.labels)).all()


def test_gradients_are_not_normalised_as_those_of_mifgsm(batch):
    """A score that is steep at first and flat later: the sum of plain gradients keeps the first direction."""

    class Bent(torch.nn.Module):
        def forward(self, images):
            left, right = images[..., :6].mean((1, 2, 3)), images[..., 6:].mean((1, 2, 3))
            near = torch.relu(0.505 - left) * 40
            return 0.5 - near + (right - left) * 0.01 * (left > 0.505)

    images, labels = torch.full((1, 3, 12, 12), 0.5), torch.zeros(1)
    plain, normalised = (
        next(attack(steps=10).perturb(Bent(), images, labels, [EPSILON], objective=ascend))
        for attack in (AMIFGSM, MIFGSM)
    )
    assert plain[..., :6].mean() > normalised[..., :6].mean() + EPSILON / 10
