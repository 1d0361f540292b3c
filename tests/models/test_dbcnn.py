from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from iqabench.models import create_model
from iqabench.models.dbcnn import bilinear_pool, create_scnn, signed_root

Build = Callable[..., nn.Module]


def test_bilinear_pooling_equals_an_einsum() -> None:
    first, second = torch.randn(3, 5, 4, 6), torch.randn(3, 7, 4, 6)
    expected = torch.einsum("nahw,nbhw->nab", first, second) / 24
    torch.testing.assert_close(bilinear_pool(first, second), expected.reshape(3, 35))


def test_the_signed_root_keeps_signs_and_has_a_finite_gradient_at_zero() -> None:
    values = torch.tensor([-4.0, 9.0, 0.0, -1e-4], requires_grad=True)
    torch.testing.assert_close(signed_root(values), torch.tensor([-2.0, 3.0, 1e-4, -0.0100005]))
    signed_root(values).sum().backward()
    torch.testing.assert_close(values.grad[:2], torch.tensor([0.25, 1 / 6]))
    assert torch.isfinite(values.grad).all()


def test_the_distortion_branch_has_nine_convolutions_to_128_channels_at_a_sixteenth() -> None:
    scnn = create_scnn()
    convolutions = [module for module in scnn if isinstance(module, nn.Conv2d)]
    assert [conv.out_channels for conv in convolutions] == [48, 48, 64, 64, 64, 64, 128, 128, 128]
    assert scnn(torch.rand(1, 3, 64, 96)).shape == (1, 128, 4, 6)
    assert create_scnn(0.25)(torch.rand(1, 3, 64, 64)).shape == (1, 32, 4, 4)


def test_the_default_is_vgg16_without_its_last_pool_times_128_channels() -> None:
    with torch.device("meta"):
        model: Any = create_model("dbcnn")
        assert model.backbone(torch.rand(1, 3, 320, 320)).shape == (1, 512, 20, 20)
        assert model.head.weight.shape == (1, 512 * 128)


@torch.no_grad()
def test_the_score_follows_from_the_two_branches(tiny_model: Build) -> None:
    model = tiny_model("dbcnn")
    images = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    content, distortion = (branch((images - mean) / std) for branch in (model.backbone, model.scnn))
    assert content.shape == (2, 16, 4, 4)
    assert distortion.shape == (2, 16, 4, 4)
    products = torch.einsum("nahw,nbhw->nab", content, distortion).flatten(1) / 16
    rooted = products.sign() * products.abs().sqrt()
    unit = rooted / rooted.norm(dim=1, keepdim=True)
    expected = torch.sigmoid(unit @ model.head.weight[0] + model.head.bias)
    torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_branches_of_unequal_size_are_brought_to_the_size_of_the_content_features(tiny_model: Build) -> None:
    model = tiny_model("dbcnn", backbone="vgg11", backbone_args=None)
    images = torch.rand(1, 3, 97, 131)
    normalised = model.normalise(images)
    content, distortion = model.backbone(normalised), model.scnn(normalised)
    assert content.shape[2:] == (6, 8)
    assert distortion.shape[2:] == (7, 9)
    resized = F.interpolate(distortion, (6, 8), mode="bilinear", align_corners=True)
    unit = F.normalize(signed_root(bilinear_pool(content, resized)))
    torch.testing.assert_close(model(images), torch.sigmoid(model.head(unit))[:, 0])
