"""Interval bound propagation: exact for affine networks, and never left by anything else."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import optimize
from torch import Tensor, nn
from torch.nn import functional as F

from iqabench.attacks.apgd import APGD
from iqabench.attacks.tools.objectives import ascend, descend
from iqabench.models.bounds import GELU_LOWEST, SILU_LOWEST, Interval, NoBoundsError, output_bounds

EPSILON = 0.05


class Scored(nn.Module):
    """Layers that end in one number for each image."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(1))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers((images - 0.5) / 0.25).squeeze(1)
        return scores


def made(*layers: nn.Module, side: int = 2) -> Scored:
    torch.manual_seed(0)
    model = Scored(*layers).double().eval()
    model(images(side))  # gives the last layer its size
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.get_buffer("running_mean"))
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
    return model.requires_grad_(False)


def images(side: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, side, side, generator=generator, dtype=torch.float64)


def corners(image: Tensor, epsilon: float) -> Tensor:
    """Return all corners of a ball, met with the pixel range: 4,096 of 12 values."""
    low, high = (image - epsilon).clamp(min=0).flatten(), (image + epsilon).clamp(max=1).flatten()
    chosen = torch.tensor([*itertools.product([0, 1], repeat=len(low))], dtype=torch.float64)
    return (low + chosen * (high - low)).view(-1, *image.shape)


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [nn.Conv2d(3, 4, 2, padding=1), nn.BatchNorm2d(4), nn.AvgPool2d(2, 1)],
        [nn.Flatten(), nn.Linear(12, 5), nn.Dropout(), nn.Linear(5, 3)],
    ],
)
def test_bounds_of_one_affine_layer_are_the_extremes_over_all_corners_and_those_of_more_hold_them(
    layers: list[nn.Module],
) -> None:
    model, found = made(*layers), images()
    low, high = output_bounds(model, found, EPSILON)
    scores = torch.stack([model(corners(image, EPSILON)) for image in found])
    extremes = scores.min(1).values, scores.max(1).values
    assert (low <= extremes[0] + 1e-12).all()
    assert (high >= extremes[1] - 1e-12).all()
    if not layers:
        torch.testing.assert_close((low, high), extremes)


NETWORKS: dict[str, Callable[[], list[nn.Module]]] = {
    "relu": lambda: [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 3)],
    "max pool": lambda: [nn.Conv2d(3, 6, 3), nn.MaxPool2d(2), nn.Tanh()],
    "smooth": lambda: [nn.Conv2d(3, 6, 3), nn.SiLU(), nn.Conv2d(6, 6, 3), nn.GELU(), nn.Softplus()],
    "adaptive": lambda: [nn.Conv2d(3, 6, 3), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Sigmoid()],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_no_interval_that_an_attack_attains_leaves_the_bounds(name: str) -> None:
    model, found = made(*NETWORKS[name](), side=8), images(8)
    low, high = output_bounds(model, found, EPSILON)
    attack, labels = APGD(steps=30, restarts=3), torch.zeros(2, dtype=torch.float64)
    ends = [
        model(next(attack.perturb(model, found, labels, [EPSILON], objective=objective)))
        for objective in (descend, ascend)
    ]
    assert (ends[0] < ends[1] - 1e-3).all()
    assert (low <= ends[0]).all()
    assert (ends[1] <= high).all()
    drawn = found[:1] + EPSILON * (2 * torch.rand(3000, 3, 8, 8, dtype=torch.float64) - 1)
    scores = model(drawn.clamp(0, 1))
    assert bool(((low[0] <= scores) & (scores <= high[0])).all())


@pytest.mark.parametrize("function", [F.silu, F.gelu])
def test_bounds_of_functions_that_fall_and_rise_are_their_extremes(function: Callable[[Any], Any]) -> None:
    generator = torch.Generator().manual_seed(2)
    ends = (6 * torch.rand(200, 2, generator=generator, dtype=torch.float64) - 4).sort(1).values
    box: Any = function(Interval(ends[:, 0], ends[:, 1]))
    grid = ends[:, :1] + torch.linspace(0, 1, 2001, dtype=torch.float64) * (ends[:, 1:] - ends[:, :1])
    values = function(grid)
    torch.testing.assert_close(box.low, values.min(1).values, rtol=0, atol=1e-6)
    torch.testing.assert_close(box.high, values.max(1).values, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("function", "lowest"), [(F.silu, SILU_LOWEST), (F.gelu, GELU_LOWEST)])
def test_where_they_are_least_is_where_a_minimiser_finds_it(
    function: Callable[[Tensor], Tensor], lowest: float
) -> None:
    found = optimize.minimize_scalar(
        lambda x: float(function(torch.tensor(x, dtype=torch.float64))), bounds=(-3, 0), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    assert lowest == pytest.approx(found.x, abs=1e-6)


@pytest.mark.parametrize("layer", [nn.SiLU(), nn.GELU(), nn.GELU("tanh")])
def test_no_output_is_below_the_bound_of_a_function_around_its_least_point(layer: nn.Module) -> None:
    near = torch.linspace(-1.5, -0.5, 100_001, dtype=torch.float64)
    box: Any = layer(Interval(near[:1], near[-1:]))
    assert box.low <= layer(near).min() + 1e-16


def test_bounds_of_models_of_the_package_hold_their_scores(tiny_model: Callable[..., nn.Module]) -> None:
    found = images(32)
    for name in ("resnet", "sat"):
        model = tiny_model(name).double()
        exact = output_bounds(model, found, 0.0)
        torch.testing.assert_close(exact, (model(found), model(found)))
        low, high = output_bounds(model, found, 1e-4)
        assert (low < model(found)).all()
        assert (model(found) < high).all()


def test_what_there_is_no_rule_for_is_told(tiny_model: Callable[..., nn.Module]) -> None:
    with pytest.raises(NoBoundsError, match="softmax"):
        output_bounds(tiny_model("nima").double(), images(32), 0.01)
    with pytest.raises(NoBoundsError, match="batch normalisation by the statistics of a batch"):
        output_bounds(made(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), side=4).train(), images(4), 0.01)
    with pytest.raises(NoBoundsError, match="product"):
        output_bounds(Squared(), images(), 0.01)


def test_the_layer_of_it_is_named(tiny_model: Callable[..., nn.Module]) -> None:
    with pytest.raises(NoBoundsError, match=r"`softmax` \(in layer 'layers.1', Softmax\)"):
        output_bounds(made(nn.Conv2d(3, 4, 2), nn.Softmax(1)), images(), 0.01)
    with pytest.raises(NoBoundsError, match=rf"two features \(in Squared: {__file__}, line \d+\)"):
        output_bounds(Squared(), images(), 0.01)
    with pytest.raises(NoBoundsError, match=rf"has no 'abs' \(in layer 'layers.0', Folded: {__file__}"):
        output_bounds(made(Folded()), images(), 0.01)


def test_a_layer_that_insists_on_a_tensor_has_no_rule_whatever_it_raises() -> None:
    for error in (AssertionError, RuntimeError, KeyError):
        with pytest.raises(NoBoundsError, match="not a tensor"):
            output_bounds(Strict(error), images(), 0.01)


def test_a_fault_of_the_model_itself_is_not_taken_for_a_missing_rule() -> None:
    with pytest.raises(ValueError, match="never works"):
        output_bounds(Broken(), images(), 0.01)


@pytest.mark.parametrize("layer", [nn.LeakyReLU(-0.5), nn.ELU(-0.5)])
def test_an_activation_that_does_not_rise_has_no_rule_of_one_that_does(layer: nn.Module) -> None:
    with pytest.raises(NoBoundsError, match="negative"):
        output_bounds(made(nn.Conv2d(3, 4, 2), layer), images(), 0.01)


class Squared(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return (images * images).mean((1, 2, 3))


class Strict(nn.Module):
    def __init__(self, error: type[Exception]) -> None:
        super().__init__()
        self._error = error

    def forward(self, images: Tensor) -> Tensor:
        if not isinstance(images, Tensor):
            raise self._error("not a tensor")
        return images.mean((1, 2, 3))


class Broken(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise ValueError("never works")


class Folded(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.abs()
