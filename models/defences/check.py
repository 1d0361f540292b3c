"""Rehearses what a sweep does with a defence, so that a fault shows in seconds."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...bench.core.errors import UserError, blaming_line
from ..check import check_scores
from .base import Defence, Defended


class _Ramp(nn.Module):
    """Scores that depend on every pixel, and on its place."""

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        weights = torch.linspace(-1, 1, height * width, dtype=images.dtype).view(height, width)
        return torch.sigmoid(0.5 + (images * weights).mean((1, 2, 3)))


def check_defence(factory: Callable[[], Defence]) -> None:
    """Check that a defence keeps to the contract of `iqabench.models.defences.base.Defence`.

    Args:
        factory: Builds the defence: its class, or a function without arguments.

    Raises:
        UserError: the first fault found: what it gives is not images in [0, 1], it changes the images that it
            is given, or what it does to an image depends on the rest of the batch, or on chance that it does
            not declare by `stochastic`. Where an operation failed, with the user's file and line.
    """
    with torch.random.fork_rng([]):
        with blaming_line("the defence cannot be built"):
            step = factory()
        if not isinstance(step, Defence):
            raise UserError(f"a {type(step).__name__} is not a Defence")
        name = type(step).__name__
        images = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
        images[1] *= 0.25
        with torch.no_grad(), blaming_line(f"{name} cannot change two images"):
            changed = step.eval()(images.clone())
        if not isinstance(changed, Tensor) or changed.shape[:2] != images.shape[:2] or changed.ndim != 4:
            found = (
                f"shape {tuple(changed.shape)}"
                if isinstance(changed, Tensor)
                else f"a {type(changed).__name__}"
            )
            raise UserError(f"{name} gives {found} for images of {tuple(images.shape)}")
        lowest, highest = float(changed.min()), float(changed.max())
        if not (lowest >= 0 and highest <= 1):  # written so that NaN fails
            raise UserError(f"{name} gives pixels from {lowest:g} to {highest:g}, outside [0, 1]")
        try:
            check_scores(Defended(_Ramp(), [step]), images)
        except UserError as error:
            raise UserError(str(error).replace(Defended.__name__, name, 1)) from None
