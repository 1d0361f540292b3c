"""MI-FGSM: iterated FGSM along a momentum of gradients."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..bench.core.parameters import LATER
from .search import Search
from .tools.balls import Ball
from .tools.victim import Victim


@dataclass(frozen=True)
class MIFGSM(Search):
    """Iterated FGSM with momentum (Dong et al. 2018), whose images carry over well to other models.

    Each gradient is divided by its L1 norm and added to `decay` times the sum so far; the step is along the
    sum's sign (in the L2 ball, along the sum).

    Attributes:
        steps: Gradient steps for each epsilon.
        decay: Momentum, mu in the paper.
        travel: Length of all steps together, in radii of the ball; 1 in the paper.
    """

    steps: Annotated[int, Field(ge=1)] = 10
    decay: Annotated[float, Field(ge=0)] = 1.0
    travel: Annotated[float, Field(gt=0), LATER] = 1.0

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        images, momentum = start, torch.zeros_like(start)
        for _ in range(self.steps):
            gradient = victim.gradient(images)
            size = gradient.abs().mean((1, 2, 3), keepdim=True)
            momentum = self.decay * momentum + gradient / size.clamp(min=torch.finfo(size.dtype).tiny)
            step = self.travel * ball.epsilon / self.steps
            images = ball.project(images + step * ball.steepest(momentum))
        return images
