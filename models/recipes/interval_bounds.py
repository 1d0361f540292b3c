"""Training for certified robustness: the regression loss is taken on bounds of the scores as well.

Gowal, Dvijotham, Stanforth, Bunel, Qin, Uesato, Arandjelovic, Mann and Kohli, "On the Effectiveness of
Interval Bound Propagation for Training Verifiably Robust Models", 2018:

    L = (1 - weight) L(f(x), y) + weight max_{l <= s <= h} (s - y)^2,

with l and h the bounds of f over the ball of radius epsilon, by interval bound propagation. The radius rises
from zero over the first steps.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ...bench.core.configuration.values import PIXEL, Epsilon
from ..bounds import output_bounds
from ..recipe import Labels, Recipe, Terms, descend


@dataclass(eq=False)
class IntervalBounds(Recipe):
    """Adds the worst squared error that the bounds allow. A step costs as much as three plain ones.

    Attributes:
        epsilon: Radius of the L-inf ball at the end, in units of 1/255.
        ramp: Steps in which the radius rises.
        weight: Weight of the worst squared error.
    """

    version: ClassVar[int] = 2

    epsilon: Epsilon = 0.1
    ramp: Annotated[int, Field(ge=1)] = 200
    weight: Annotated[float, Field(ge=0, le=1)] = 0.3

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        fit = self.regime(self.model, images, labels)
        self.model.eval()
        low, high = output_bounds(self.model, images, self.epsilon * PIXEL * min(1.0, number / self.ramp))
        self.model.train()
        worst = torch.maximum((low - labels.quality).square(), (high - labels.quality).square()).mean()
        loss = (1 - self.weight) * fit.loss + self.weight * worst
        descend(loss, self.optimizers["weights"])
        return {"loss": loss.detach(), **fit.terms, "bounds": worst.detach()}
