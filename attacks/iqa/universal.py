"""A universal perturbation: one for all images, learnt on training images."""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ...bench.core.errors import UserError
from ..base import Attack
from ..tools.balls import displaced
from ..tools.objectives import Objective
from ..tools.victim import Victim


@dataclass(frozen=True)
class Universal(Attack):
    """One perturbation d for all images (Moosavi-Dezfooli et al. 2017), learnt by ascent on training images.

    Over the batches of training images x_i and the objective v, such as the score,

        d = clip(d + step sign(sum_i grad v(clip(x_i + d, 0, 1))), -epsilon, epsilon)

    starting from zero, or from the perturbation of a smaller epsilon. The step is 2 epsilon / 5 at first
    and shrinks linearly to zero. On larger images than those of training it is repeated side by side.
    The attacked images are not looked at: it shows what an attacker reaches who cannot compute per image.

    Attributes:
        epochs: Passes over the training images for each epsilon.
        images: Most training images to learn on, spread evenly over the training side of the split.
        batch: Training images of one step.
    """

    version: ClassVar[int] = 2
    intervals: ClassVar[bool] = True

    epochs: Annotated[int, Field(ge=1)] = 5
    images: Annotated[int, Field(ge=1)] = 200
    batch: Annotated[int, Field(ge=1)] = 16
    _training: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    _learnt: dict[tuple[Objective, float], Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def from_images(self, training: Tensor) -> "Universal":
        """Return the attack with the images (M, 3, H, W) in [0, 1] to learn on; it forgets what it learnt."""
        bound = copy.copy(self)
        object.__setattr__(bound, "_training", training)
        object.__setattr__(bound, "_learnt", {})
        return bound

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`. One instance learns for one model; bind it anew for another.

        Raises:
            UserError: no training images were given.
        """
        for epsilon in sorted(set(epsilons)):
            if (victim.objective, epsilon) not in self._learnt:
                with torch.random.fork_rng():  # whichever batch is the first, also of a resumed sweep
                    torch.manual_seed(0)
                    self._learnt[victim.objective, epsilon] = self._learn(victim, epsilon)
        for epsilon in epsilons:
            shape = victim.images.shape
            perturbation = _tiled(self._learnt[victim.objective, epsilon], shape[2], shape[3])
            yield displaced(victim.images, perturbation.to(victim.images) / epsilon, epsilon)

    def _learn(self, victim: Victim, epsilon: float) -> Tensor:
        if self._training is None:
            raise UserError("attack 'universal': the training images are missing; give them by `from_images`")
        training = self._training.to(victim.images)
        smaller = [
            (radius, found)
            for (objective, radius), found in self._learnt.items()
            if objective == victim.objective and radius < epsilon
        ]
        found = max(smaller, key=lambda of_radius: of_radius[0])[1] if smaller else training[:1] * 0
        victim = victim.averaged_if_random()
        steps = self.epochs * math.ceil(len(training) / self.batch)
        batches = [batch for _ in range(self.epochs) for batch in torch.split(training, self.batch)]
        for number, images in enumerate(batches):
            labels = victim.labels.new_full((len(images),), 0.5)
            seen = replace(victim, images=images, labels=labels)
            gradient = seen.gradient((images + found).clamp(0, 1)).sum(0, keepdim=True)
            length = 0.4 * epsilon * (1 - number / steps)
            found = (found + length * gradient.sign()).clamp(-epsilon, epsilon)
        return found


def _tiled(perturbation: Tensor, height: int, width: int) -> Tensor:
    """Return a perturbation (1, 3, H, W), repeated and cut to a height and width."""
    rows, columns = (
        math.ceil(wanted / own) for wanted, own in zip((height, width), perturbation.shape[2:], strict=True)
    )
    return perturbation.repeat(1, 1, rows, columns)[:, :, :height, :width]
