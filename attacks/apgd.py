"""Auto-PGD: projected gradient ascent with momentum, which chooses its step sizes itself."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .search import Search, higher
from .tools.balls import Ball, wide
from .tools.victim import Victim

MOMENTUM = 0.75  # alpha, the weight of the new step
RHO = 0.75  # share of steps that must rise between two checkpoints


@dataclass(frozen=True)
class APGD(Search):
    """Auto-PGD (Croce and Hein 2020, Algorithm 1) on the objective itself; the best image passed is returned.

    Steps begin at twice the radius. At each checkpoint an image's step is halved, and it goes on from its
    best point, if too few steps raised its value or if neither its step nor its best value has changed.

    Attributes:
        steps: Gradient steps for each start.
        restarts: Starts: the first is the image, or what a smaller epsilon found; the others are random
            points of the ball.
    """

    steps: Annotated[int, Field(ge=1)] = 100
    restarts: Annotated[int, Field(ge=1)] = 1

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        best, value = self.climb(victim, ball, start)
        for restart in range(1, self.restarts):
            noise = victim.noise(self.seed + restart)
            best, value = higher(best, value, *self.climb(victim, ball, ball.spread(noise)))
        return best

    def climb(self, victim: Victim, ball: Ball, start: Tensor) -> tuple[Tensor, Tensor]:
        """Run the steps from one start; return the best images (N, 3, H, W) and their values (N,)."""
        images = before = best = start
        value, gradient = victim.values_and_gradient(images)
        best_value, best_gradient = value, gradient
        step = torch.full_like(value, 2 * ball.epsilon, dtype=start.dtype)  # scores may be finer than pixels
        rises = torch.zeros_like(value)
        checked_value, halved, last_check = best_value, torch.ones_like(value, dtype=torch.bool), 0
        stops = set(checkpoints(self.steps))
        for number in range(1, self.steps + 1):
            ahead = ball.project(images + wide(step) * ball.steepest(gradient))
            weight = MOMENTUM if number > 1 else 1.0
            moved = ball.project(images + weight * (ahead - images) + (1 - weight) * (images - before))
            images, before, previous = moved, images, value
            if number < self.steps:
                value, gradient = victim.values_and_gradient(images)
            else:
                value = victim.values(images)
            rises = rises + (value > previous)
            best_gradient = torch.where(wide(value > best_value), gradient, best_gradient)
            best, best_value = higher(best, best_value, images, value)
            if number in stops:
                too_few = rises <= RHO * (number - last_check)
                stuck = ~halved & (best_value <= checked_value)
                halved = too_few | stuck
                step = torch.where(halved, step / 2, step)
                images = torch.where(wide(halved), best, images)
                gradient = torch.where(wide(halved), best_gradient, gradient)
                checked_value, last_check, rises = best_value, number, torch.zeros_like(rises)
        return best, best_value


def checkpoints(steps: int) -> list[int]:
    """Return the steps at which an image's step size may be halved.

    The first is after 22% of all steps; each distance to the next is shorter by 3%, but at least 6%.
    """
    first, shortening, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
    distances = [max(first - shortening * number, least) for number in range(steps)]
    return [checkpoint for checkpoint in accumulate(distances) if checkpoint <= steps]
