"""What indicators compare: of a random model, no more than its draws tell."""

import torch
from torch import nn

from iqabench.bench.audit.evidence import Evidence

from .conftest import drawn


class Shaken(nn.Module):
    """The mean of the pixels, with noise on the score."""

    def forward(self, images):
        return images.mean((1, 2, 3)) + 0.1 * torch.randn(len(images))


def test_what_moves_a_random_model_as_far_is_not_further_by_chance_and_what_moves_it_further_is():
    torch.manual_seed(0)
    images, _ = drawn(400, seed=0)
    evidence = Evidence(Shaken(), images, stochastic=True, source=None)
    moved = (images + 0.1 * evidence.direction.view(-1, 1, 1, 1).float()).clamp(0, 1)
    assert evidence.share_beating(evidence.gain(images), evidence.gain(images)) < 0.05
    assert evidence.share_beating(evidence.gain(moved), evidence.gain(images)) > 0.8
