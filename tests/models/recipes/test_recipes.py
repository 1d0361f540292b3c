"""Recipes that make models robust, each against its own equation."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iqabench.bench.core.config import load_settings
from iqabench.bench.training.regimes import CleanRegime
from iqabench.models.bounds import output_bounds
from iqabench.models.recipe import Fit, Labels
from iqabench.models.recipes.gradient_norm import GradientNorm, gradient_norm
from iqabench.models.recipes.interval_bounds import IntervalBounds
from iqabench.models.recipes.layers import matrices
from iqabench.models.recipes.noise import NoiseAugmentation
from iqabench.models.recipes.parseval import Parseval, retracted
from iqabench.models.recipes.spectral import Spectral

from ...linear import Linear

TRAINING = load_settings().training.model_copy(update={"learning_rate": 1e-2, "weight_decay": 0.0})
LABELS = Labels(torch.linspace(0.1, 0.9, 4))


class Curved(nn.Module):
    """A small smooth network."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Conv2d(6, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(images)).squeeze(1)


def images(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("form", ["finite_differences", "double_backward"])
def test_the_gradient_norm_of_a_linear_model_is_that_of_its_weights(form: Any) -> None:
    model = Linear()
    norm = gradient_norm(model, images(), form, 1e-3)
    torch.testing.assert_close(norm, model.weight.abs().sum())
    (gradient,) = torch.autograd.grad(norm, model.weight)
    torch.testing.assert_close(gradient, model.weight.sign())


def test_the_finite_difference_is_the_double_backward_for_a_small_step() -> None:
    model = Curved().double()
    exact = gradient_norm(model, images(), "double_backward", 0.1)
    approximate = gradient_norm(model, images(), "finite_differences", 1e-6)
    torch.testing.assert_close(approximate, exact, rtol=1e-4, atol=0)
    weights = [*model.parameters()]
    pairs = zip(torch.autograd.grad(approximate, weights), torch.autograd.grad(exact, weights), strict=True)
    for found, expected in pairs:
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("form", ["finite_differences", "double_backward"])
def test_training_on_the_gradient_norm_makes_a_model_flatter(form: Any) -> None:
    plain, flat = (
        GradientNorm(Curved(), TRAINING, CleanRegime(), weight=weight, form=form) for weight in (0.0, 0.1)
    )
    for number in range(20):
        for recipe in (plain, flat):
            terms = recipe.step(number, images(torch.float32), LABELS)
    assert terms["gradient norm"].isfinite()
    norms = [
        gradient_norm(recipe.model, images(torch.float32), "double_backward", 0.1).item()
        for recipe in (plain, flat)
    ]
    assert norms[1] < 0.5 * norms[0]


def test_the_loss_of_noise_augmentation_is_taken_on_noisy_images_with_their_labels() -> None:
    seen: list[Tensor] = []

    def regime(model: nn.Module, given: Tensor, labels: Labels) -> Fit:
        assert labels is LABELS
        seen.append(given)
        return Fit(model(given).mean(), {})

    torch.manual_seed(0)
    grey = torch.full((4, 3, 8, 8), 0.5)
    recipe = NoiseAugmentation(Curved(), TRAINING, regime, sigma=0.1)
    for number in range(20):
        recipe.step(number, grey, LABELS)
    noise = torch.stack(seen) - grey
    assert float(noise.std()) == pytest.approx(0.1, rel=0.05)
    assert not torch.equal(seen[0], seen[1])


def test_the_loss_on_bounds_of_a_linear_model_is_that_of_scores_moved_away_from_the_labels() -> None:
    """The bounds are exact: the score, give or take epsilon times the L1 norm of the weights."""
    model, seen = Linear(), 0.1 + 0.8 * images()
    labels = Labels(LABELS.quality.double())
    error = (model(seen) - labels.quality).abs().detach()
    reach = model.weight.detach().abs().sum() * 4 / 255
    half = IntervalBounds(model, TRAINING, CleanRegime(), epsilon=8, ramp=10, weight=0.3)
    terms = half.step(5, seen, labels)
    expected = 0.7 * error.square().mean() + 0.3 * (error + reach).square().mean()
    assert terms["loss"].item() == pytest.approx(expected.item())


def test_training_on_bounds_makes_them_tighter() -> None:
    widths = []
    for weight in (0.0, 0.9):
        recipe = IntervalBounds(Curved(), TRAINING, CleanRegime(), epsilon=8, ramp=5, weight=weight)
        for number in range(40):
            recipe.step(number, images(torch.float32), LABELS)
        low, high = output_bounds(recipe.model.eval(), images(torch.float32), 8 / 255)
        widths.append(float((high - low).detach().mean()))
    assert widths[1] < 0.6 * widths[0]


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (6, 6)])
def test_steps_of_parseval_lead_to_singular_values_of_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for _ in range(500):
        matrix = retracted(matrix, 0.1)
    values = torch.linalg.svdvals(matrix)
    torch.testing.assert_close(values, torch.ones_like(values), rtol=0, atol=1e-6)


def test_a_step_of_parseval_is_its_equation() -> None:
    matrix = torch.randn(3, 7, dtype=torch.float64) / 10
    expected = 1.05 * matrix - 0.05 * matrix @ matrix.T @ matrix
    torch.testing.assert_close(retracted(matrix, 0.05), expected)


def distance_from_orthogonal(model: nn.Module) -> float:
    return max(float((torch.linalg.svdvals(matrix) - 1).abs().max()) for matrix in matrices(model))


def test_a_model_trained_by_parseval_stays_close_to_orthogonal() -> None:
    recipe = Parseval(Curved(), TRAINING.model_copy(update={"learning_rate": 1e-4}), CleanRegime(), beta=0.3)
    before = distance_from_orthogonal(recipe.model)
    for number in range(60):
        recipe.step(number, images(torch.float32), LABELS)
    assert distance_from_orthogonal(recipe.model) < 0.05 < before


def test_the_projection_limits_the_gain_of_every_layer_and_so_that_of_the_network() -> None:
    recipe = Spectral(Curved(), TRAINING, CleanRegime(), limit=0.5)
    for number in range(3):
        recipe.step(number, images(torch.float32), LABELS)
    assert all(torch.linalg.svdvals(matrix).max() <= 0.5 + 1e-5 for matrix in matrices(recipe.model))


def test_a_layer_below_the_limit_is_left_as_the_optimiser_made_it() -> None:
    free, limited = Spectral(Curved(), TRAINING, CleanRegime(), limit=1e6), Curved()
    optimizer = torch.optim.AdamW(limited.parameters(), lr=TRAINING.learning_rate, weight_decay=0.0)
    free.step(0, images(torch.float32), LABELS)
    CleanRegime()(limited, images(torch.float32), LABELS).loss.backward()
    optimizer.step()
    for found, expected in zip(free.model.parameters(), limited.parameters(), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("recipe", [GradientNorm, IntervalBounds, NoiseAugmentation, Parseval, Spectral])
def test_every_recipe_trains_a_model_of_the_package(
    tiny_model: Callable[..., nn.Module], recipe: Callable[..., Any]
) -> None:
    model = tiny_model("resnet").train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as the loop has it
    trained = recipe(model, TRAINING, CleanRegime())
    terms = trained.step(0, torch.rand(4, 3, 32, 32), LABELS)
    assert terms["loss"].isfinite()
