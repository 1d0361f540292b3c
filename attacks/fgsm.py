"""The fast gradient sign method."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from .base import Attack
from .tools.balls import displaced
from .tools.victim import Victim


@dataclass(frozen=True)
class FGSM(Attack):
    """One step of size epsilon along the sign of the gradient (Goodfellow et al. 2015; CPRL, Eq. 5).

    All epsilons share the one gradient, the mean over `eot_samples` passes for models that are random at test
    time.
    """

    eot_samples: Annotated[int, Field(ge=1)] = 1

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`. Draws nothing from the generator."""
        direction = victim.averaged(self.eot_samples).gradient(victim.images).sign()
        for epsilon in epsilons:
            yield displaced(victim.images, direction, epsilon)
