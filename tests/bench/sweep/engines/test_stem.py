from itertools import product

import pytest
import torch
from torch import nn

from iqabench.bench.sweep.engines.folding import ready_to_score
from iqabench.bench.sweep.engines.stem import PixelConvolution
from iqabench.models import create_model
from iqabench.models.bounds import Interval

SIZES = [(23, 28), (24, 27), (26, 25)]


def gradient(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    images = images.clone().requires_grad_()
    outputs = module(images)
    weights = torch.rand(outputs.shape, generator=torch.Generator().manual_seed(1), dtype=images.dtype)
    return torch.autograd.grad((weights * outputs).sum(), images)[0]


@pytest.mark.parametrize(("kernel", "stride"), [*product((1, 2, 3, 4, 7, 11), (1, 2, 3, 4))])
def test_outputs_are_those_of_the_convolution_and_gradients_those_of_torch(kernel: int, stride: int) -> None:
    for padding, size in product(range(min(4, kernel)), SIZES):
        convolution = nn.Conv2d(3, 5, kernel, stride, padding).double().requires_grad_(False)
        images = torch.rand(2, 3, *size, dtype=torch.float64)
        faster = PixelConvolution.of(convolution)
        assert torch.equal(faster(images), convolution(images))
        torch.testing.assert_close(gradient(faster, images), gradient(convolution, images))


def test_a_kernel_that_is_not_square_and_a_second_derivative() -> None:
    convolution = nn.Conv2d(1, 2, (3, 5), 2, (0, 2)).double().requires_grad_(False)
    faster = PixelConvolution.of(convolution)
    images = torch.rand(1, 1, 9, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(faster, images)
    assert torch.autograd.gradgradcheck(lambda x: faster(x).square().sum(), images)


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(16, 8, 3, 2),
        nn.Conv2d(3, 8, 3),
        nn.Conv2d(3, 6, 3, 2, groups=3),
        nn.Conv2d(3, 8, 3, 2, dilation=2),
        nn.Conv2d(3, 8, 3, 2, padding=1, padding_mode="reflect"),
        nn.Conv2d(3, 8, 3, stride=(1, 2)),
        nn.Conv2d(3, 8, 3, padding="same"),
        nn.Conv2d(3, 8, 3, 2, padding=3),
        type("Own", (nn.Conv2d,), {})(3, 8, 3, 2),
        nn.Conv1d(3, 8, 3),
    ],
)
def test_other_layers_stay_as_they_are(other: nn.Module) -> None:
    assert not PixelConvolution.serves(other)


def test_a_model_made_ready_has_the_gradient_it_had_and_its_own_weights() -> None:
    torch.manual_seed(0)
    backbone = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}
    model = create_model("resnet", backbone="resnet18", backbone_args=backbone, pretrained=False).eval()
    images = torch.rand(3, 3, 48, 48)
    names = set(model.state_dict())
    expected = gradient(model, images)
    ready = ready_to_score(model, images)
    assert any(isinstance(module, PixelConvolution) for module in ready.modules())
    assert set(model.state_dict()) == names
    torch.testing.assert_close(gradient(ready, images), expected, rtol=1e-3, atol=1e-8)


def test_a_weight_that_is_trained_gets_its_gradient() -> None:
    layer = PixelConvolution.of(nn.Conv2d(3, 4, 3, 2, 1))
    layer(torch.rand(1, 3, 8, 8)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0


def test_half_precision_around_a_layer_gives_a_gradient_in_the_precision_of_the_images() -> None:
    layer = PixelConvolution.of(nn.Conv2d(3, 8, 7, 2, 3).requires_grad_(False))
    images = torch.rand(1, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradient(layer, images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, gradient(layer, images), rtol=0.05, atol=0.05)


def test_bounds_pass_through_it_as_through_the_convolution() -> None:
    convolution = nn.Conv2d(3, 4, 5, stride=2, padding=2).requires_grad_(False)
    low = torch.rand(2, 3, 9, 9)
    found, expected = (
        layer(Interval(low, low + 0.1)) for layer in (PixelConvolution.of(convolution), convolution)
    )
    torch.testing.assert_close((found.low, found.high), (expected.low, expected.high), rtol=0, atol=0)
