"""The learned denoiser, and the recipe that trains it."""

import pytest
import torch
from torch import Tensor, nn

from iqabench.bench.core.config import load_settings
from iqabench.bench.training.regimes import CleanRegime
from iqabench.models.defences import create_defence
from iqabench.models.defences.filters.denoiser import Denoiser
from iqabench.models.recipe import Labels
from iqabench.models.recipes.denoising import Denoising

TRAINING = load_settings().training.model_copy(update={"learning_rate": 3e-3, "weight_decay": 0.0})
LABELS = Labels(torch.zeros(16))


def smooth_images(seed: int) -> Tensor:
    """Images (16, 3, 16, 16) that are planes between black and white."""
    corners = torch.rand(16, 3, 2, 2, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(corners, 16, mode="bilinear", align_corners=True)


def test_an_untrained_denoiser_changes_nothing_and_keeps_the_range() -> None:
    images = smooth_images(0)
    torch.testing.assert_close(create_defence("denoiser")(images), images)
    denoiser = Denoiser()
    nn.init.normal_(denoiser.residual[-1].weight, std=10)  # type: ignore[arg-type]
    changed = denoiser.eval()(images).detach()
    assert float(changed.min()) == 0.0
    assert float(changed.max()) == 1.0


def test_the_loss_is_the_mean_square_of_noise_of_every_strength_up_to_the_limit() -> None:
    torch.manual_seed(0)
    still = TRAINING.model_copy(update={"learning_rate": 0.0})
    recipe = Denoising(Denoiser(width=4), still, CleanRegime(), 0.1)
    losses = [recipe.step(number, smooth_images(number), LABELS)["loss"].item() for number in range(60)]
    assert sum(losses) / 60 == pytest.approx(0.1**2 / 3, rel=0.1)  # the mean of s^2 for s uniform in [0, 0.1]


def test_a_trained_denoiser_takes_off_most_of_the_noise_of_images_it_has_not_seen() -> None:
    torch.manual_seed(0)
    recipe = Denoising(Denoiser(depth=4, width=12), TRAINING, CleanRegime(), sigma=0.1)
    for number in range(150):
        recipe.step(number, smooth_images(number), LABELS)
    images = 0.1 + 0.8 * smooth_images(1000)
    noisy = (images + 0.07 * torch.randn_like(images)).clamp(0, 1)
    with torch.no_grad():
        left = (recipe.model.eval()(noisy) - images).square().mean()
    assert left < 0.35 * (noisy - images).square().mean()
