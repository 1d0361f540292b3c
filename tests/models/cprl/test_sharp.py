import pytest
import torch

from iqabench import UserError
from iqabench.models.cprl import sharp
from iqabench.models.cprl.fast_mask import soft_rank_mask
from iqabench.models.cprl.mask import Reading

RANKING: tuple[Reading, ...] = ("literal", "suppress_top", "keep_top", "suppress_middle")


def mask_of_soft_ranks(features, b, reading, temperature):
    """Eq. 7 with soft ranks in the place of ranks; autograd gives its gradient."""
    channels = features.shape[1]
    rank = torch.sigmoid((features.unsqueeze(2) - features.unsqueeze(1)) / temperature).sum(2) - 0.5
    up, down = rank - channels / 2, channels - 1 - rank - channels / 2
    return {
        "literal": torch.sigmoid(up + b * channels),
        "suppress_top": torch.sigmoid(down + b * channels),
        "keep_top": torch.sigmoid(up - b * channels),
        "suppress_middle": torch.sigmoid(up - b * channels) + torch.sigmoid(down - b * channels),
    }[reading]


@pytest.mark.parametrize("reading", RANKING)
@pytest.mark.parametrize("at_once", [2**24, 1])
def test_the_gradient_is_that_of_eq_7_with_soft_ranks(reading, at_once, monkeypatch):
    monkeypatch.setattr(sharp, "_AT_ONCE", at_once)
    # Pairs 1e-3 apart, the pairs 0.1 apart: two features of a pair are near at this temperature, others not.
    pairs = torch.arange(8, dtype=torch.float64) / 10
    row = torch.stack([pairs, pairs + 1e-3]).flatten()
    features = torch.stack([row, row.flip(0), row[torch.randperm(16)]]).requires_grad_()
    upstream = torch.randn(3, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    temperature = 1e-4
    (expected,) = torch.autograd.grad(
        mask_of_soft_ranks(features, 0.3, reading, temperature), features, upstream
    )
    (found,) = torch.autograd.grad(sharp.sharp_mask(features, 0.3, reading, temperature), features, upstream)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("reading", RANKING)
def test_the_values_are_those_of_the_mask(reading):
    features = torch.randn(2, 32, 3, 3)
    assert torch.equal(sharp.sharp_mask(features, 0.4, reading), soft_rank_mask(features, 0.4, reading))


def test_the_switch_changes_the_gradient_of_attacks_alone_unless_training_is_named(tiny_model):
    images = torch.rand(2, 3, 32, 32)

    def gradient(training, **params):
        torch.manual_seed(0)
        model = tiny_model("cprl", sites=(3, 4), **params).train(training)
        pixels = images.clone().requires_grad_()
        scores = model(pixels)
        return scores.detach(), torch.autograd.grad(scores.sum(), pixels)[0]

    for training, differs in ((False, {"sharp", "sharp_in_training"}), (True, {"sharp_in_training"})):
        scores, plain = gradient(training)
        for name in ("sharp", "sharp_in_training"):
            same_scores, other = gradient(training, mask_gradient=name)
            assert torch.equal(scores, same_scores)
            assert torch.equal(plain, other) == (name not in differs)


def test_a_reading_without_ranks_of_channels_is_refused(tiny_model):
    with pytest.raises(UserError, match="argsort"):
        tiny_model("cprl", reading="argsort", mask_gradient="sharp")
    with pytest.raises(ValueError, match="argsort"):
        sharp.sharp_mask(torch.randn(1, 8), 0.4, "argsort")
