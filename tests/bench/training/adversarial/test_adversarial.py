"""Recipes that attack while they train, each against its own equation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iqabench.bench.core.config import load_settings
from iqabench.bench.training.adversarial.fast import Fast
from iqabench.bench.training.adversarial.free import Free
from iqabench.bench.training.adversarial.inner import worst_images
from iqabench.bench.training.adversarial.local_linearity import LocalLinearity, least_linear, linear_parts
from iqabench.bench.training.adversarial.score_pairing import ScorePairing
from iqabench.bench.training.adversarial.worst_case import WorstCase
from iqabench.bench.training.checkpoints import weights_digest
from iqabench.bench.training.regimes import CleanRegime
from iqabench.bench.training.snapshot import Snapshot
from iqabench.models import create_model
from iqabench.models.recipe import Fit, Labels, Recipe
from iqabench.models.recipes.gradient_norm import gradient_norm

from ....linear import Linear
from ..test_fit import Brightness, assert_resumes

TRAINING = load_settings().training.model_copy(update={"learning_rate": 1e-2, "weight_decay": 0.0})
LABELS = Labels(torch.linspace(0.1, 0.9, 4, dtype=torch.float64))
RECIPES = [WorstCase, Fast, Free, ScorePairing, LocalLinearity]
EPSILON = 8 / 255
SMALL = {"backbone": "resnet18", "backbone_args": {"layers": [1, 1, 1, 1], "channels": [4, 8, 8, 8]}}


class Quadratic(nn.Module):
    """A score whose distance from linearity under d is the sum of a d^2."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.linspace(0.1, 1, 3 * 8 * 8, dtype=torch.float64).view(3, 8, 8))

    def forward(self, images: Tensor) -> Tensor:
        return (self.a * images.square()).sum((1, 2, 3))


class Curved(nn.Module):
    """A small smooth network with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Tanh(), nn.Conv2d(6, 4, 3), nn.Tanh(), nn.Flatten(),
            nn.Linear(64, 1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(images)).squeeze(1)


def images(seed: int = 0) -> Tensor:
    """Images none of whose pixels is within epsilon of black or white."""
    generator = torch.Generator().manual_seed(seed)
    return 0.1 + 0.8 * torch.rand(4, 3, 8, 8, generator=generator, dtype=torch.float64)


class Watched:
    """The clean regime, which keeps the images that it was given."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, model: nn.Module, given: Tensor, labels: Labels) -> Fit:
        self.seen.append(given.detach().clone())
        return CleanRegime()(model, given, labels)


def worst_corners(model: Linear, epsilon: float = EPSILON) -> Tensor:
    """Return the images of the balls with the largest squared error, which are corners."""
    outwards = (model(images()) - LABELS.quality).sign().detach().view(-1, 1, 1, 1)
    return images() + epsilon * outwards * model.weight.detach().sign()


def test_the_worst_images_of_a_linear_model_are_the_corners_away_from_the_labels() -> None:
    model = Linear()
    found = worst_images(model, images(), LABELS, EPSILON, 5)
    torch.testing.assert_close(found, worst_corners(model), rtol=0, atol=1e-9)


def test_adversarial_training_takes_the_loss_on_the_worst_images() -> None:
    regime, model = Watched(), Linear()
    WorstCase(model, TRAINING, regime, epsilon=8).step(0, images(), LABELS)
    torch.testing.assert_close(regime.seen[0], worst_corners(Linear()), rtol=0, atol=1e-9)


def test_fast_takes_one_step_of_five_quarters_of_the_radius_from_a_random_point_of_the_ball() -> None:
    regime, model = Watched(), Linear()
    Fast(model, TRAINING, regime, epsilon=8).step(0, images(), LABELS)
    start, attacked = regime.seen
    assert float((start - images()).abs().max()) <= EPSILON
    assert float((start - images()).std()) == pytest.approx(
        EPSILON / 3**0.5, rel=0.1
    )  # that of a uniform draw
    outwards = (Linear()(start) - LABELS.quality).sign().view(-1, 1, 1, 1) * Linear().weight.sign()
    expected = start + 1.25 * EPSILON * outwards
    expected = torch.minimum(torch.maximum(expected, images() - EPSILON), images() + EPSILON)
    torch.testing.assert_close(attacked, expected.detach(), rtol=0, atol=1e-9)


def test_free_moves_weights_and_perturbation_by_the_gradients_of_one_pass() -> None:
    free, by_hand = Free(Linear(), TRAINING, CleanRegime(), epsilon=8, replays=3), Linear()
    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=TRAINING.learning_rate, weight_decay=0.0)
    perturbation = torch.zeros_like(images())
    for number in range(7):
        free.step(number, images(number), LABELS)
        batch = images(3 * (number // 3))  # each batch takes three turns
        pixels = (batch + perturbation).requires_grad_()
        optimizer.zero_grad()
        (by_hand(pixels) - LABELS.quality).square().mean().backward()
        optimizer.step()
        assert pixels.grad is not None
        perturbation = (perturbation + EPSILON * pixels.grad.sign()).clamp(-EPSILON, EPSILON)
    torch.testing.assert_close(free.model.weight, by_hand.weight)


def test_free_starts_each_epoch_from_clean_images() -> None:
    regime = Watched()
    free = Free(Linear(), TRAINING, regime, epsilon=8, replays=2)
    for number in range(3):
        free.step(number, images(number), LABELS)
    free.start_epoch()
    free.step(3, images(3), LABELS)
    moves = [
        float((seen - images(batch)).abs().max())
        for seen, batch in zip(regime.seen, (0, 0, 2, 3), strict=True)
    ]
    assert moves == pytest.approx([0, EPSILON, EPSILON, 0], abs=1e-9)


def test_a_resumed_run_of_free_training_ends_in_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model() -> nn.Module:
        made = Brightness()
        made.recipe, made.recipe_params = "free", {"replays": 3}  # type: ignore[assignment]
        return made

    monkeypatch.setattr(Snapshot.__init__, "__defaults__", (0.0,))  # save after every epoch
    assert_resumes(tmp_path, model, batches=24)


def test_score_pairing_adds_the_squared_difference_of_scores_to_the_mean_of_both_losses() -> None:
    model = Linear()
    clean, attacked = model(images()).detach(), model(worst_corners(model)).detach()
    losses = [((scores - LABELS.quality) ** 2).mean() for scores in (clean, attacked)]
    terms = ScorePairing(model, TRAINING, CleanRegime(), epsilon=8, weight=0.3).step(0, images(), LABELS)
    reach = EPSILON * Linear().weight.detach().abs().sum()
    assert terms["pairing"].item() == pytest.approx(float(reach**2))
    assert terms["loss"].item() == pytest.approx(float(sum(losses) / 2 + 0.3 * reach**2))


def test_a_linear_model_is_no_distance_from_linearity_and_its_slope_is_the_gradient() -> None:
    model, move = Linear(), EPSILON * torch.randn(4, 3, 8, 8, dtype=torch.float64)
    parts = linear_parts(model, images(), move)
    torch.testing.assert_close(parts.distance, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(parts.slope, (move * model.weight).sum((1, 2, 3)))


def test_the_least_linear_images_of_a_quadratic_model_are_corners() -> None:
    model = Quadratic()
    move = least_linear(model, images(), EPSILON, 2) - images()
    parts = linear_parts(model, images(), move)
    torch.testing.assert_close(parts.distance, (model.a.sum() * EPSILON**2).expand(4))
    torch.testing.assert_close(parts.slope, (2 * model.a * images() * move).sum((1, 2, 3)))


def test_distance_and_slope_are_differentiated_to_the_weights() -> None:
    model, move = Curved().double(), EPSILON * torch.randn(4, 3, 8, 8, dtype=torch.float64)
    weight = model.layers[0].weight
    parts = linear_parts(model, images(), move)
    (gradient,) = torch.autograd.grad(parts.distance.sum() + parts.slope.sum(), weight)
    direction, step = torch.randn_like(weight), 1e-6
    sums = []
    for sign in (1, -1):
        weight.data += sign * step * direction
        moved = linear_parts(model, images(), move)
        sums.append((moved.distance.sum() + moved.slope.sum()).item())
        weight.data -= sign * step * direction
    assert float((gradient * direction).sum()) == pytest.approx((sums[0] - sums[1]) / (2 * step), rel=1e-5)


@pytest.fixture(scope="module")
def norm_of_plain_training() -> float:
    return trained_norm(WorstCase, epsilon=0)


def trained_norm(recipe: Callable[..., Recipe], **params: Any) -> float:
    torch.manual_seed(0)
    training = recipe(Curved().double(), TRAINING, CleanRegime(), **params)
    for number in range(60):
        training.step(number, images(), LABELS)
    return gradient_norm(training.model.eval(), images(), "double_backward", 0.1).item()


@pytest.mark.parametrize("recipe", RECIPES)
def test_training_under_attack_makes_a_model_flatter(
    recipe: Callable[..., Recipe], norm_of_plain_training: float
) -> None:
    assert trained_norm(recipe, epsilon=8) < 0.7 * norm_of_plain_training


@pytest.mark.parametrize("name", ["resnet", "sat", "nima"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_models_of_the_package(recipe: Callable[..., Recipe], name: str) -> None:
    model = create_model(name, **SMALL).train()
    labels = Labels(torch.linspace(0.1, 0.9, 4), torch.full((4, 5), 0.2))
    before = weights_digest(model)
    terms = recipe(model, TRAINING, CleanRegime()).step(0, torch.rand(4, 3, 32, 32), labels)
    assert terms["loss"].isfinite()
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert weights_digest(model) != before
