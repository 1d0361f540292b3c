"""A network as it is keeps the contract through its adapter."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iqabench import UserError
from iqabench.models.adapted.adapter import Adapter
from iqabench.testing import check_model


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 1)

    def forward(self, images):
        return 100 * torch.sigmoid(self.head(self.convolution(images).relu().mean((2, 3))))


def test_pixels_are_resized_and_normalised_and_scores_mapped():
    images = torch.rand(2, 3, 20, 30)
    adapter = Adapter(
        Net(), input_size=[8, 12], mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7], score_range=[20, 120],
        lower_is_better=True,
    )  # fmt: skip
    resized = F.interpolate(images, (8, 12), mode="bilinear", antialias=True)
    normalised = torch.stack(
        [(resized[:, c] - (0.1, 0.2, 0.3)[c]) / (0.5, 0.6, 0.7)[c] for c in range(3)], dim=1
    )
    expected = 1 - (Net()(normalised).squeeze(1) - 20) / 100
    torch.testing.assert_close(adapter(images), expected)


def test_without_keys_only_the_shape_changes():
    images = torch.rand(2, 3, 20, 30)
    torch.testing.assert_close(Adapter(Net())(images), Net()(images).squeeze(1))


def test_bf16_is_near_float32_and_keeps_the_contract():
    images = torch.rand(2, 3, 20, 30)
    low = Adapter(Net(), precision="bf16", score_range=[0, 100])
    assert low(images).dtype == torch.float32
    assert not torch.equal(low(images), Adapter(Net(), score_range=[0, 100])(images))
    torch.testing.assert_close(low(images), Adapter(Net(), score_range=[0, 100])(images), atol=1e-2, rtol=0)
    check_model(lambda: Adapter(Net(), precision="bf16", score_range=[0, 100]))


def test_a_distribution_is_not_taken_for_a_score():
    with pytest.raises(UserError, match=r"Conv2d gives shape \(2, 5, 18, 28\) for 2 images"):
        Adapter(nn.Conv2d(3, 5, 3))(torch.rand(2, 3, 20, 30))


def test_a_range_upside_down_is_refused():
    with pytest.raises(UserError, match=r"found \[100, 0\], accepted is \[LOW, HIGH\]"):
        Adapter(Net(), score_range=[100, 0])
