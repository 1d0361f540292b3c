"""Adversarial training: the regression loss is taken on the worst images of a ball.

Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks",
ICLR 2018:

    min_w E max_{|d|_inf <= epsilon} L(f_w(x + d), y).

The inner maximum is that of the squared error of the score. It is searched by Auto-PGD, as in `auto`.
"""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ....models.recipe import Labels, Recipe, Regime, Terms
from ...core.config import TrainingSettings
from ...core.configuration.values import Epsilon
from .inner import PIXEL, worst_images


class WorstCase(Recipe):
    """Trains on the worst images that Auto-PGD finds, each step on new ones.

    Args:
        model: What is trained.
        settings: `[training]`.
        regime: What the regression loss is taken on, given the attacked images.
        epsilon: Radius of the ball, in units of 1/255.
        steps: Gradient steps of Auto-PGD; each costs a pass forward and one back.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: TrainingSettings,
        regime: Regime,
        epsilon: Epsilon = 1.0,
        steps: Annotated[int, Field(ge=1)] = 5,
    ) -> None:
        super().__init__(model, settings, regime)
        self.epsilon = epsilon * PIXEL
        self.steps = steps
        self.optimizers["weights"] = self.adamw(model.parameters())

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        worst = worst_images(self.model, images, labels, self.epsilon, self.steps)
        return self.regression_step(worst, labels, self.optimizers["weights"])
