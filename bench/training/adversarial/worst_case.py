"""Adversarial training: the regression loss is taken on the worst images of a ball.

Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks",
ICLR 2018:

    min_w E max_{|d|_inf <= epsilon} L(f_w(x + d), y).

The inner maximum is that of the squared error of the score. It is searched by Auto-PGD, as in `auto`.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from ....models.recipe import Labels, Recipe, Terms
from ...core.configuration.values import PIXEL, Epsilon
from .inner import worst_images


@dataclass(eq=False)
class WorstCase(Recipe):
    """Trains on the worst images that Auto-PGD finds, each step on new ones.

    Attributes:
        epsilon: Radius of the ball, in units of 1/255.
        steps: Gradient steps of Auto-PGD; each costs a pass forward and one back.
    """

    epsilon: Epsilon = 1.0
    steps: Annotated[int, Field(ge=1)] = 5

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        worst = worst_images(self.model, images, labels, self.epsilon * PIXEL, self.steps)
        return self.regression_step(worst, labels)
