"""The universal perturbation against the one that is best for a linear score, which is known."""

import pytest
import torch
from torch import nn

from iqabench import UserError
from iqabench.attacks.iqa.universal import Universal
from iqabench.attacks.tools.objectives import ascend, descend

EPSILON = 4 / 255


class Linear(nn.Module):
    weights = torch.linspace(-1, 1, 3 * 8 * 8).view(3, 8, 8) / 100

    def forward(self, images):
        return 0.5 + ((images[:, :, :8, :8] - 0.5) * self.weights).sum((1, 2, 3))


@pytest.fixture
def training():
    return 0.25 + 0.5 * torch.rand((20, 3, 8, 8), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("objective", "sign"), [(ascend, 1), (descend, -1)])
def test_of_a_linear_score_it_is_epsilon_times_the_sign_of_the_weights(objective, sign, training):
    images = 0.25 + 0.5 * torch.rand((3, 3, 8, 8))
    attack = Universal().from_images(training)
    found = list(
        attack.perturb(Linear(), images, torch.zeros(3), [EPSILON / 2, EPSILON], objective=objective)
    )
    for epsilon, attacked in zip((EPSILON / 2, EPSILON), found, strict=True):
        expected = images + sign * epsilon * Linear.weights.sign()
        torch.testing.assert_close(attacked, expected, atol=1e-6, rtol=0)


def test_it_is_learnt_once_and_is_one_for_all_batches_and_tiled_over_larger_images(training, model):
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    attack = Universal(epochs=2).from_images(training)
    first = 0.5 * torch.ones((2, 3, 8, 8))
    (one,) = attack.perturb(model, first, torch.zeros(2), [EPSILON], objective=ascend)
    learnt = len(calls)
    (other,) = attack.perturb(model, first[:1], torch.zeros(1), [EPSILON], objective=ascend)
    assert len(calls) == learnt
    torch.testing.assert_close(other[0], one[1])
    (larger,) = attack.perturb(
        model, 0.5 * torch.ones((1, 3, 12, 20)), torch.zeros(1), [EPSILON], objective=ascend
    )
    torch.testing.assert_close(larger[0, :, :8, 8:16], one[0])
    torch.testing.assert_close(larger[0, :, 8:, :8], one[0, :, :4])


def test_of_a_random_model_it_is_the_same_whichever_batch_and_epsilons_are_first(training):
    class Shaken(Linear):
        stochastic = True

        def forward(self, images):
            return super().forward(images * (1 + 30 * torch.randn(images.shape)))

    def learnt(start, epsilons):
        torch.manual_seed(start)
        attack = Universal(epochs=1).from_images(training)
        images = torch.full((1, 3, 8, 8), 0.5)
        return next(attack.perturb(Shaken(), images, torch.zeros(1), epsilons, objective=ascend))

    assert torch.equal(learnt(0, [EPSILON]), learnt(1, [EPSILON, 2 * EPSILON]))


def test_scores_of_images_that_it_has_not_seen_rise(training, model):
    unseen = 0.25 + 0.5 * torch.rand((10, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    (found,) = (
        Universal().from_images(training).perturb(model, unseen, torch.zeros(10), [EPSILON], objective=ascend)
    )
    assert (model(found) > model(unseen)).float().mean() > 0.8


def test_without_training_images_it_says_so(model, training):
    with pytest.raises(UserError, match="training images are missing"):
        list(Universal().perturb(model, training, torch.zeros(20), [EPSILON]))
