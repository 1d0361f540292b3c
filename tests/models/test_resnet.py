from collections.abc import Callable

import pytest
import torch
from torch import nn


def test_the_score_is_the_sigmoid_of_one_linear_output_of_pooled_features(
    tiny_model: Callable[..., nn.Module],
) -> None:
    model = tiny_model("resnet").double()
    images = torch.rand(2, 3, 64, 96, dtype=torch.float64)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        features = model.backbone((images - mean) / std)
        pooled = torch.einsum("nchw->nc", features) / (2 * 3)
        logits = torch.einsum("nc,kc->nk", pooled, model.head.weight) + model.head.bias
        expected = 1 / (1 + torch.exp(-logits[:, 0]))
        assert features.shape == (2, 16, 2, 3)
        torch.testing.assert_close(model(images), expected)


def test_images_are_normalised_as_the_backbone_was_trained(tiny_model: Callable[..., nn.Module]) -> None:
    assert tiny_model("resnet").mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    halves = tiny_model("resnet", backbone="mobilenetv4_conv_small_035", backbone_args=None)
    assert halves.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert halves.std.flatten().tolist() == [0.5, 0.5, 0.5]
