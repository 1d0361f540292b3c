"""Projected gradient descent: signed gradient steps, each projected back onto the ball."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .base import Attack
from .tools.balls import ball, displaced
from .tools.victim import Victim


@dataclass(frozen=True)
class PGD(Attack):
    """Iterated FGSM inside the L-inf ball (Madry et al. 2018), on the score reflection objective.

    Attributes:
        steps: Gradient steps per epsilon.
        step_size: Length of a step in pixel units of [0, 1]. Default: 2.5 epsilon / steps, Madry's rule,
            so that any point of the ball can be reached from any start.
        random_start: Start from a point drawn uniformly from the ball instead of from the image. The
            points of all epsilons are one draw, scaled.
        seed: Seed of the random start, where no generator is passed.
        eot_samples: Forward passes each gradient is averaged over; for models that are random at test time.
        backward: "own": the gradient is the model's own, for which a mask of ranks is constant. Otherwise
            the name of a backward pass (BPDA): "soft ranks 0.1" of CPRL also sees which features can be
            carried across the mask's cut. If a model does not offer it, its own is used.
    """

    steps: Annotated[int, Field(ge=1)] = 10
    step_size: Annotated[float, Field(gt=0, le=1)] | None = None
    random_start: bool = True
    seed: Annotated[int, Field(ge=0)] = 0
    eot_samples: Annotated[int, Field(ge=1)] = 1
    backward: str = "own"

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`."""
        victim = victim.averaged(self.eot_samples).through(self.backward)
        noise = victim.noise(self.seed) if self.random_start else None
        for epsilon in epsilons:
            step_size = 2.5 * epsilon / self.steps if self.step_size is None else self.step_size
            lower, upper = ball(victim.images, epsilon)
            images = victim.images if noise is None else displaced(victim.images, noise, epsilon)
            for _ in range(self.steps):
                gradient = victim.gradient(images)
                images = torch.add(images, gradient.sign_(), alpha=step_size).clamp_(lower, upper)
            yield images
