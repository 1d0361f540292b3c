"""Random perturbations: a control that shows whether an attack's effect is due to its size alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from .base import Attack
from .tools.balls import displaced
from .tools.victim import Victim


@dataclass(frozen=True)
class Noise(Attack):
    """Noise as large as an attack's perturbation, without a gradient. The model is not called.

    Attributes:
        kind: `sign`: plus or minus epsilon at every pixel, the size of FGSM's step. `uniform`: drawn
            uniformly from the ball, PGD's random start. All epsilons are one draw, scaled.
        seed: Seed of the noise, where no generator is passed.
    """

    needs_gradient: ClassVar[bool] = False
    control: ClassVar[bool] = True

    kind: Literal["sign", "uniform"] = "sign"
    seed: Annotated[int, Field(ge=0)] = 0

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`."""
        noise = victim.noise(self.seed)
        if self.kind == "sign":
            noise = torch.where(noise < 0, -1.0, 1.0).to(noise)
        for epsilon in epsilons:
            yield displaced(victim.images, noise, epsilon)
