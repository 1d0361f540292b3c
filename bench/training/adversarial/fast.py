"""Fast adversarial training: one step of FGSM from a random point of the ball.

Wong, Rice and Kolter, "Fast is better than free: Revisiting adversarial training", ICLR 2020:

    d = uniform(-epsilon, epsilon)
    d = clip(d + alpha sign(grad_d L(f(x + d), y)), -epsilon, epsilon),    alpha = 1.25 epsilon
    w = w - rate grad_w L(f(x + d), y).

With a smooth activation, as in `sat`, it is smooth adversarial training (Xie et al. 2020), whose attacker too
takes a single step.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ....attacks.tools.balls import LinfBall
from ....models.recipe import Labels, Recipe, Terms
from ...core.configuration.values import PIXEL, Epsilon
from .inner import loss_gradient


@dataclass(eq=False)
class Fast(Recipe):
    """Trains on images after one step up the loss from a random start.

    A step costs as much as two plain ones.

    Attributes:
        epsilon: Radius of the ball, in units of 1/255.
        alpha: Length of the step, in radii.
    """

    epsilon: Epsilon = 1.0
    alpha: Annotated[float, Field(gt=0, le=2)] = 1.25

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        radius = self.epsilon * PIXEL
        ball = LinfBall(images, radius)
        start = ball.spread(2 * torch.rand_like(images) - 1)
        gradient = loss_gradient(self.regime, self.model, start, labels)
        attacked = ball.project(start + self.alpha * radius * gradient.sign())
        return self.regression_step(attacked, labels)
