"""Fast adversarial training: one step of FGSM from a random point of the ball.

Wong, Rice and Kolter, "Fast is better than free: Revisiting adversarial training", ICLR 2020:

    d = uniform(-epsilon, epsilon)
    d = clip(d + alpha sign(grad_d L(f(x + d), y)), -epsilon, epsilon),    alpha = 1.25 epsilon
    w = w - rate grad_w L(f(x + d), y).

With a smooth activation, as in `sat`, it is smooth adversarial training (Xie et al. 2020), whose attacker too
takes a single step.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ....attacks.tools.balls import LinfBall
from ....models.recipe import Labels, Recipe, Regime, Terms
from ...core.config import TrainingSettings
from ...core.configuration.values import Epsilon
from .inner import PIXEL, loss_gradient


class Fast(Recipe):
    """Trains on images after one step up the loss from a random start. A step costs two plain ones.

    Args:
        model: What is trained, and attacked in training mode.
        settings: `[training]`.
        regime: What the regression loss is taken on, given the attacked images.
        epsilon: Radius of the ball, in units of 1/255.
        alpha: Length of the step, in radii.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: TrainingSettings,
        regime: Regime,
        epsilon: Epsilon = 1.0,
        alpha: Annotated[float, Field(gt=0, le=2)] = 1.25,
    ) -> None:
        super().__init__(model, settings, regime)
        self.epsilon = epsilon * PIXEL
        self.alpha = alpha
        self.optimizers["weights"] = self.adamw(model.parameters())

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        ball = LinfBall(images, self.epsilon)
        start = ball.spread(2 * torch.rand_like(images) - 1)
        gradient = loss_gradient(self.regime, self.model, start, labels)
        attacked = ball.project(start + self.alpha * self.epsilon * gradient.sign())
        return self.regression_step(attacked, labels, self.optimizers["weights"])
