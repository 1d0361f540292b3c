import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import RelaxedOneHotCategorical

from iqabench.bench.core.errors import UserError
from iqabench.models.lwta import ContestOfTwo, WinnerTakesAll


@pytest.mark.parametrize("competitors", [2, 3, 4])
@pytest.mark.parametrize("shape", [(5, 24, 7, 6), (50, 24)])
def test_in_evaluation_one_channel_per_block_passes_unchanged_and_the_others_are_zero(
    competitors: int, shape: tuple[int, ...]
) -> None:
    features = torch.randn(shape)
    output = WinnerTakesAll(competitors).eval()(features)
    blocks = output.unflatten(1, (-1, competitors))
    assert ((blocks != 0).sum(2) == 1).all()
    assert torch.equal(output[output != 0], features[output != 0])


def test_a_draw_still_has_exactly_one_winner() -> None:
    contest = ContestOfTwo(torch.zeros(3, 5, 2, 4))
    contest.lead = torch.zeros(3, 5, 1, 4)
    assert (contest.winner().sum(2) == 1).all()


@pytest.mark.parametrize("logits", [(0.3, -0.9), (1.5, 0.2, -0.4), (0.0, 0.5, 1.0, -2.0)])
def test_winners_are_as_frequent_as_the_softmax_of_pre_activations(logits: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    draws = 20_000
    output = WinnerTakesAll(len(logits)).eval()(torch.tensor(logits).repeat(draws, 1) + 5)
    wins = (output != 0).sum(0).numpy()
    expected = draws * np.exp(logits) / np.exp(logits).sum()
    assert stats.chisquare(wins, expected).pvalue > 0.01


@pytest.mark.parametrize("logits", [(5.0, 0.0), (6.0, 0.0, 0.0)])
def test_a_channel_far_behind_wins_as_often_in_bfloat16(logits: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    draws = 400_000
    features = torch.tensor(logits, dtype=torch.bfloat16).repeat(draws, 1) + 8
    upset = int((WinnerTakesAll(len(logits)).eval()(features)[:, 0] == 0).sum())
    expected = draws * (1 - np.exp(logits[0]) / np.exp(logits).sum())
    assert upset == pytest.approx(expected, abs=4 * expected**0.5)


@pytest.mark.parametrize("logits", [(0.3, -0.9), (1.5, 0.2, -0.4)])
def test_in_training_the_shares_are_gumbel_softmax_samples(logits: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    features = torch.tensor(logits).repeat(5000, 1) + 5
    shares = WinnerTakesAll(len(logits), training_temperature=0.67).train()(features) / features
    torch.testing.assert_close(shares.sum(1), torch.ones(5000))
    reference = RelaxedOneHotCategorical(torch.tensor(0.67), logits=torch.tensor(logits)).sample((5000,))
    for channel in range(len(logits)):
        assert stats.ks_2samp(shares[:, channel], reference[:, channel]).pvalue > 0.01


def test_positions_images_and_blocks_draw_winners_of_their_own() -> None:
    torch.manual_seed(0)
    won = WinnerTakesAll(2).eval()(torch.ones(30, 20, 8, 8))[:, ::2]
    for dimension in range(4):
        assert (won != won.narrow(dimension, 0, 1)).any()


def test_a_seed_fixes_the_winners() -> None:
    features, layer = torch.randn(2, 8, 5, 5), WinnerTakesAll(2).eval()
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(layer(features))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("competitors", [2, 3])
def test_the_training_gradient_agrees_with_finite_differences(competitors: int) -> None:
    layer = WinnerTakesAll(competitors).train()

    def same_noise(features: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return layer(features)

    features = torch.randn(2, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(same_noise, features)


def test_the_gradient_in_evaluation_is_the_winners_plus_that_of_the_relaxed_sample() -> None:
    layer = WinnerTakesAll(2, training_temperature=0.5, test_temperature=0.5)
    features = torch.rand(200, 2, dtype=torch.float64) + 0.5
    features.requires_grad_()
    weight = torch.randn(200, 2, dtype=torch.float64)
    torch.manual_seed(3)
    relaxed = (layer.train()(features) / features).detach()
    torch.manual_seed(3)
    output = layer.eval()(features)
    (output * weight).sum().backward()
    # d share_1 / d h_1 = share_1 share_2 / temperature, and the negative for share_2 and for h_2
    pull = (weight * features).detach() @ torch.tensor([1.0, -1.0], dtype=torch.float64)
    slope = pull * relaxed.prod(1) / 0.5
    expected = weight * (output != 0) + torch.stack((slope, -slope), 1)
    torch.testing.assert_close(features.grad, expected)


@pytest.mark.parametrize("temperature", [1.0, 0.5, math.inf])
def test_the_surrogate_gradient_is_the_winners_plus_that_of_the_softmax(temperature: float) -> None:
    layer = WinnerTakesAll(2).eval()
    layer.surrogate = temperature
    features = torch.randn(200, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(200, 2, dtype=torch.float64)
    output = layer(features)
    (output * weight).sum().backward()
    share = 1 / (1 + torch.exp((features.detach().flip(1) - features.detach()) / temperature))
    pull = (weight * features).detach() @ torch.tensor([1.0, -1.0], dtype=torch.float64)
    slope = pull * share.prod(1) / temperature
    torch.testing.assert_close(features.grad, weight * (output != 0) + torch.stack((slope, -slope), 1))


def test_the_mean_field_gradient_is_that_of_a_network_of_expected_winners(
    tiny_model: Callable[..., nn.Module],
) -> None:
    class Expected(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            blocks = features.unflatten(1, (-1, 2))
            return (blocks * blocks.softmax(2)).flatten(1, 2)

    model, expected = tiny_model("lwta").double(), tiny_model("lwta").double()
    for parent in list(expected.modules()):
        for name, child in parent.named_children():
            if isinstance(child, WinnerTakesAll):
                setattr(parent, name, Expected())
    images = torch.rand(2, 3, 48, 48, dtype=torch.float64, requires_grad=True)
    with model.backward_through("mean field"):
        (gradient,) = torch.autograd.grad(model.logits(images).sum(), images)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.logits(images).sum(), images)[0])


@pytest.mark.parametrize("competitors", [2, 4])
def test_memory_format_is_kept(competitors: int) -> None:
    features = torch.randn(2, 8, 5, 5).to(memory_format=torch.channels_last)
    output = WinnerTakesAll(competitors).eval()(features)
    assert output.is_contiguous(memory_format=torch.channels_last)


def test_every_relu_of_the_backbone_is_replaced(tiny_model: Callable[..., nn.Module]) -> None:
    kinds = [type(module) for module in tiny_model("lwta", competitors=4).modules()]
    assert kinds.count(WinnerTakesAll) == 9  # the stem's, and two in each of four blocks
    assert nn.ReLU not in kinds


def test_channels_that_do_not_divide_into_blocks_are_reported(tiny_model: Callable[..., nn.Module]) -> None:
    with pytest.raises(UserError, match=r"64 channels.*competitors = 3"):
        tiny_model("lwta", competitors=3)(torch.rand(1, 3, 64, 64))
