import pytest
import torch
from torch import nn

from iqabench.attacks import realise
from iqabench.attacks.auto import Auto

EPSILON = 8 / 255


@pytest.fixture
def interval(model, batch):
    (found,) = Auto(budget="quick").interval(model, batch.images, [EPSILON])
    return found


def test_realises_any_score_of_the_interval_of_a_continuous_model_inside_the_ball(model, batch, interval):
    share = torch.linspace(0, 1, 6)
    wanted = torch.lerp(interval.low_scores, interval.high_scores, share)
    images, scores, realised = realise(
        model, interval.low_images, interval.high_images, wanted, tolerance=1e-6
    )
    assert realised.all()
    with torch.no_grad():
        torch.testing.assert_close(model(images), scores, atol=1e-7, rtol=0)
    torch.testing.assert_close(scores, wanted, atol=1e-6, rtol=0)
    assert (images - batch.images).abs().max() <= EPSILON


def test_a_model_with_jumps_is_realised_where_it_does_not_jump_and_says_where_it_does(batch):
    class Steps(nn.Module):
        def forward(self, images):
            return (images.mean(dim=(1, 2, 3)) * 10).floor() / 10

    low, high = torch.zeros(4, 3, 8, 8), torch.ones(4, 3, 8, 8)
    wanted = torch.tensor([0.3, 0.35, 0.9, 1.2])
    images, scores, realised = realise(Steps(), low, high, wanted)
    assert realised.tolist() == [True, False, True, False]
    torch.testing.assert_close(scores, torch.tensor([0.3, 0.3, 0.9, 1.0]), atol=0.1001, rtol=0)
    torch.testing.assert_close(Steps()(images), scores)


def test_leaves_the_model_as_it_was(model, interval):
    model.train()
    realise(model, interval.low_images, interval.high_images, interval.high_scores)
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
