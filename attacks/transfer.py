"""Transfer: perturbations found on another model."""

import copy
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..bench.core.errors import UserError
from .apgd import APGD
from .search import Search
from .tools.balls import Ball
from .tools.gradient import undisturbed
from .tools.victim import Victim


@dataclass(frozen=True)
class Transfer(Search):
    """Auto-PGD on a source model; the attacked model only says whether the images are better than the start.

    Attributes:
        source: Name of the source model, in the sweep.
        steps: Gradient steps on it for each epsilon.
    """

    needs_gradient: ClassVar[bool] = False

    source: str = "resnet"
    steps: Annotated[int, Field(ge=1)] = 20
    _model: nn.Module | None = field(default=None, init=False, repr=False, compare=False)

    def from_model(self, model: nn.Module) -> "Transfer":
        """Return the attack with its source model: images (N, 3, H, W) in [0, 1] to scores (N,)."""
        bound = copy.copy(self)
        object.__setattr__(bound, "_model", model)
        return bound

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`; raises UserError where no source model was given."""
        if self._model is None:
            raise UserError(
                f"attack 'transfer': the source model {self.source!r} is missing; give it by `from_model`"
            )
        with undisturbed(self._model), torch.no_grad():
            source = replace(victim, model=self._model).averaged_if_random()
            return APGD(norm=self.norm, steps=self.steps).search(source, ball, start)
