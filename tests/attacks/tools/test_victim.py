"""What a victim tells of its model before it is searched."""

import pytest
import torch
from torch import nn

from iqabench.attacks.tools.objectives import ascend
from iqabench.attacks.tools.victim import Victim


class Switched(nn.Module):
    """Scores another way while gradients are enabled, asked for, or outside inference mode."""

    def __init__(self, honest, switch):
        super().__init__()
        self.honest, self.switch = honest, switch

    def forward(self, images):
        return self.honest(images) + 0.2 * self.switch(images)


SWITCHES = {
    "enabled": lambda images: torch.is_grad_enabled(),
    "asked for": lambda images: images.requires_grad,
    "outside inference mode": lambda images: not torch.is_inference_mode_enabled(),
}


@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)
def test_a_model_that_scores_otherwise_when_a_gradient_is_asked_for_is_told(model, batch, switch):
    victim = Victim(Switched(model, switch), *batch, objective=ascend)
    assert not victim.is_random()
    assert victim.record.watched == pytest.approx(0.2, abs=1e-6)


def test_a_model_that_is_nan_only_when_watched_is_told(model, batch):
    victim = Victim(
        Switched(model, lambda images: torch.nan if images.requires_grad else 0), *batch, objective=ascend
    )
    assert not victim.is_random()
    assert victim.record.watched == 1


def test_nothing_is_told_of_an_honest_or_a_random_model(model, batch):
    honest = Victim(model, *batch, objective=ascend)
    assert not honest.is_random()
    assert honest.record.watched < 1e-6
    random = Victim(Switched(model, lambda images: torch.randn(len(images))), *batch, objective=ascend)
    assert random.is_random()
    assert random.record.watched == 0
