"""AMI-FGSM: iterated FGSM along the sum of all gradients so far."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..search import Search
from ..tools.balls import Ball
from ..tools.victim import Victim


@dataclass(frozen=True)
class AMIFGSM(Search):
    """Iterated FGSM with momentum, as MSU's benchmark describes the attack of Sang et al. (2022).

    With g the gradient of the objective, a step is

        m = g + decay m,  x = project(x + epsilon / steps sign(m))

    (in the L2 ball, along m). Gradients are added as they are, where `mifgsm` divides each by its L1 norm, so
    steps where the gradient is steep count for more. The paper gives each image a radius of its own, 1 / NIQE
    of the image; here, as in MSU's code, it is one for all images, so that attacks can be compared.

    Attributes:
        steps: Gradient steps for each epsilon.
        decay: Share of the earlier sum that is kept, nu in the paper.
    """

    steps: Annotated[int, Field(ge=1)] = 10
    decay: Annotated[float, Field(ge=0)] = 1.0

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        images, momentum = start, torch.zeros_like(start)
        for _ in range(self.steps):
            momentum = victim.gradient(images) + self.decay * momentum
            images = ball.project(images + ball.epsilon / self.steps * ball.steepest(momentum))
        return images
