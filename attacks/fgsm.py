"""The fast gradient sign method."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from .base import GRADIENT_PASSES, Attack, checked_images, pixel_gradient, undisturbed
from .tools.linf import displaced
from .tools.objectives import score_reflection


@dataclass(frozen=True)
class FGSM(Attack):
    """One step of size epsilon along the sign of the gradient (Goodfellow et al. 2015; CPRL, Eq. 5).

    All epsilons share the one gradient.

    Attributes:
        samples: Forward passes the gradient is averaged over; for models that are random at test time.
    """

    samples: Annotated[int, Field(ge=1)] = 1

    def perturb(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilons: Sequence[float],
        *,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """See `Attack.perturb`. Draws nothing from the generator."""
        images = checked_images(images, labels, epsilons)
        return self._step(model, images, labels, epsilons)

    def passes(self, epsilons: int) -> float:
        """See `Attack.passes`: one gradient, whatever the number of epsilons."""
        return GRADIENT_PASSES * self.samples

    def _step(
        self, model: nn.Module, images: Tensor, labels: Tensor, epsilons: Sequence[float]
    ) -> Iterator[Tensor]:
        with undisturbed(model):
            direction = pixel_gradient(model, images, labels, score_reflection, self.samples).sign_()
        for epsilon in epsilons:
            yield displaced(images, direction, epsilon)
