"""Another function that is shown while a gradient is asked for."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from ..evidence import Evidence, Mean, exactly
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
    value = 0.0
    torch.manual_seed(0)
    plain = exactly(_scores(evidence, torch.inference_mode))
    for mode, asked in ((torch.no_grad, False), (torch.enable_grad, False), (torch.enable_grad, True)):
        torch.manual_seed(0)
        difference = evidence.changed(plain, exactly(_scores(evidence, mode, asked)))
        if difference > TOLERANCE and evidence.stochastic:
            draws = torch.stack([_scores(evidence, mode, asked) for _ in range(DRAWS)])
            difference = evidence.changed(evidence.clean, Mean(draws.mean(0), draws.std(0) / DRAWS**0.5))
        value = max(value, difference)
    return Measured(value, f"Scores change by up to {evidence.amount(value)} while gradients are enabled.")


def _scores(
    evidence: Evidence, mode: Callable[[], AbstractContextManager[object]], asked: bool = False
) -> Tensor:
    """Return the scores (N,) of one pass in a mode of torch, of images whose gradient may be asked for."""
    with mode():
        scores: Tensor = evidence.model(evidence.images.detach().requires_grad_(asked))
        return scores.detach().clone().double()
