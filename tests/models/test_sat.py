from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from iqabench.models.sat import ACTIVATIONS, SmoothReLU

KINKED = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid)
Build = Callable[..., nn.Module]


def slope(activation: nn.Module, at: float) -> float:
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    activation.double()(x).backward()
    return float(x.grad)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_is_continuous_where_relus_jumps(name: str) -> None:
    assert slope(nn.ReLU(), 1e-9) - slope(nn.ReLU(), -1e-9) == 1
    assert slope(ACTIVATIONS[name](), 1e-9) == pytest.approx(slope(ACTIVATIONS[name](), -1e-9), abs=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_activation_is_close_to_relu_far_from_zero(name: str) -> None:
    far = torch.tensor([-30.0, 30.0])
    negative, positive = ACTIVATIONS[name]()(far).tolist()
    assert negative == pytest.approx(-1 if name == "elu" else 0, abs=1e-6)
    assert positive == pytest.approx(30, rel=1e-3)


def test_activations_have_their_formulas() -> None:
    x = np.linspace(-4, 4, 101)
    formulas = {
        "silu": x / (1 + np.exp(-x)),
        "softplus": np.log(1 + np.exp(10 * x)) / 10,
        "gelu": x * stats.norm.cdf(x),
        "elu": np.where(x > 0, x, np.exp(x) - 1),
        "smooth_relu": np.where(x > 0, x - np.log(400 * np.abs(x) + 1) / 400, 0),
    }
    assert formulas.keys() == ACTIVATIONS.keys()
    for name, expected in formulas.items():
        values = ACTIVATIONS[name]().double()(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(values, expected, atol=1e-8, err_msg=name)


def test_the_slope_of_smooth_relu_is_its_papers_and_its_alpha_is_learned() -> None:
    layer = SmoothReLU()
    assert slope(layer, 0.01) == pytest.approx(400 * 0.01 / (400 * 0.01 + 1))
    layer(torch.ones(3)).sum().backward()
    assert layer.root_alpha.grad != 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_kinked_activation_is_left(tiny_model: Build, name: str) -> None:
    model = tiny_model("sat", activation=name)
    assert not [module for module in model.modules() if isinstance(module, KINKED)]
    assert torch.isfinite(model(torch.rand(1, 3, 64, 64))).all()


def largest_jump_of_slope(model: nn.Module, points: int) -> float:
    """Return the largest jump of the score's slope along a line through the first stage's input space."""
    generator = torch.Generator().manual_seed(0)
    start, direction = torch.randn(2, 1, 64, 8, 8, dtype=torch.float64, generator=generator)
    along = torch.linspace(0, 1, points, dtype=torch.float64).requires_grad_()

    def score(features: Tensor) -> Tensor:
        for stage in (model.backbone.layer1, model.backbone.layer2, model.backbone.layer3):
            features = stage(features)
        return features.square().mean((1, 2, 3))

    score(start + along.view(-1, 1, 1, 1) * direction).sum().backward()
    return float(along.grad.diff().abs().max())


def test_the_gradient_of_the_network_is_continuous_and_that_of_a_resnet_is_not(tiny_model: Build) -> None:
    ratios = {}
    for name in ("sat", "resnet"):
        model = tiny_model(name).double()
        ratios[name] = largest_jump_of_slope(model, 101) / largest_jump_of_slope(model, 1001)
    assert ratios["sat"] > 8
    assert ratios["resnet"] < 5
