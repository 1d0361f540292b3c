"""Another function that is shown while a gradient is asked for."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..evidence import Evidence, Mean, changed
from ..finding import Measured, indicator
from .passes import TOLERANCE

DRAWS = 8


@indicator(
    name="another function when watched",
    threshold=TOLERANCE,
    source="Carlini et al. 2019: attack the defence that is deployed",
    advice="Look in its forward for `requires_grad`, `is_grad_enabled` or `is_inference`. Only scores of "
    "plain inference passes count.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure how far scores with gradients enabled are from those of an inference pass.

    A random model makes the same draws in each; where it does not, means over draws are compared.
    """
    model, images = evidence.model, evidence.images
    ways: list[Callable[[], Tensor]] = [
        lambda: _plain(model, images),
        lambda: _without_gradient(model, images),
        lambda: _watched(model, images, False),
        lambda: _watched(model, images, True),
    ]
    value = 0.0
    reference = _seeded(ways[0])
    for way in ways[1:]:
        difference = float((_seeded(way) - reference).abs().nan_to_num(nan=torch.inf).max())
        if difference > TOLERANCE and evidence.stochastic:
            draws = torch.stack([way() for _ in range(DRAWS)])
            difference = changed(evidence.clean, Mean(draws.mean(0), draws.std(0) / DRAWS**0.5))
        value = max(value, difference)
    return Measured(value, f"Scores change by up to {value:.2g} while gradients are enabled.")


def _seeded(way: Callable[[], Tensor]) -> Tensor:
    torch.manual_seed(0)
    return way()


def _plain(model: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(images).clone().double()


def _without_gradient(model: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    with torch.no_grad():
        return model(images).double()


def _watched(model: Callable[[Tensor], Tensor], images: Tensor, asked: bool) -> Tensor:
    with torch.enable_grad():
        return model(images.detach().requires_grad_(asked)).detach().double()
