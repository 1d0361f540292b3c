"""Projected gradient descent: signed gradient steps, each projected back onto the ball."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from .base import GRADIENT_PASSES, Attack, checked_images, pixel_gradient, undisturbed
from .noise import unit_noise
from .tools.linf import ball, displaced
from .tools.objectives import score_reflection


@dataclass(frozen=True)
class PGD(Attack):
    """Iterated FGSM inside the L-inf ball (Madry et al. 2018), on the score reflection objective.

    Attributes:
        steps: Gradient steps per epsilon.
        step_size: Length of a step in pixel units of [0, 1]. Default: 2.5 epsilon / steps, Madry's rule,
            by which the ball can be crossed from any start.
        random_start: Start from a point drawn uniformly from the ball instead of from the image. The
            points of all epsilons are one draw, scaled.
        seed: Of the random start, where no generator is passed.
        samples: Forward passes each gradient is averaged over; for models that are random at test time.
        mask_gradient: "constant": the gradient is the model's own, to which a mask made of ranks is constant.
            "soft": the gradient goes through a softened mask too, so that the attack also sees which features
            it can carry across the mask's cut. Any model may offer that by a method `softened()`, a context
            manager in which its scores are the same and their gradient is the softened one; CPRL does.
            Of a model without that method there is nothing to soften.
    """

    steps: Annotated[int, Field(ge=1)] = 10
    step_size: Annotated[float, Field(gt=0, le=1)] | None = None
    random_start: bool = True
    seed: Annotated[int, Field(ge=0)] = 0
    samples: Annotated[int, Field(ge=1)] = 1
    mask_gradient: Literal["constant", "soft"] = "constant"

    def perturb(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilons: Sequence[float],
        *,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """See `Attack.perturb`."""
        images = checked_images(images, labels, epsilons)
        noise = unit_noise(images, self.seed, generator) if self.random_start else None
        return (self._climb(model, images, labels, epsilon, noise) for epsilon in epsilons)

    def passes(self, epsilons: int) -> float:
        """See `Attack.passes`."""
        return GRADIENT_PASSES * self.samples * self.steps * epsilons

    def _climb(
        self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float, noise: Tensor | None
    ) -> Tensor:
        if epsilon == 0:
            return images.clone()
        step_size = 2.5 * epsilon / self.steps if self.step_size is None else self.step_size
        lower, upper = ball(images, epsilon)
        adversarial = images if noise is None else displaced(images, noise, epsilon)
        with undisturbed(model), self._softened(model):
            for _ in range(self.steps):
                gradient = pixel_gradient(model, adversarial, labels, score_reflection, self.samples)
                adversarial = torch.add(adversarial, gradient.sign_(), alpha=step_size).clamp_(lower, upper)
        return adversarial

    def _softened(self, model: Any) -> AbstractContextManager[Any]:
        offered = self.mask_gradient == "soft" and hasattr(model, "softened")
        return model.softened() if offered else nullcontext()
