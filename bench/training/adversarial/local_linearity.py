"""Local linearity regularisation (LLR), on scores: a model is to be linear and flat in a ball.

Qin, Martens, Gowal, Krishnan, Dvijotham, Fawzi, De, Stanforth and Kohli, "Adversarial Robustness through
Local Linearization", NeurIPS 2019: with

    g(d, x) = |f(x + d) - f(x) - d . grad_x f(x)|    and    d* = argmax_{|d|_inf <= epsilon} g(d, x),
    L = L_regression + linearity g(d*, x) + slope |d* . grad_x f(x)|.

The terms bound what a ball does to f: |f(x + d) - f(x)| <= |d . grad_x f(x)| + max_d g(d, x). In the paper f
is the loss of a classifier. Here it is the score: the squared error of a linear score is not linear.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ....attacks.tools.balls import LinfBall
from ....models.recipe import Labels, Recipe, Terms, descend, statistics_kept
from ...core.configuration.values import PIXEL, Epsilon

STRIDE = 2.5  # radii that all inner steps together are long


@dataclass(eq=False)
class LocalLinearity(Recipe):
    """Adds the largest distance from linearity found in the ball, and the slope towards it.

    The two terms are computed in float32 whatever `precision` says: they are small differences of scores.

    Attributes:
        epsilon: Radius of the ball, in units of 1/255.
        steps: Gradient steps of the search for d*, from a random start.
        linearity: Weight of the distance from linearity.
        slope: Weight of the slope.
    """

    epsilon: Epsilon = 1.0
    steps: Annotated[int, Field(ge=1)] = 2
    linearity: Annotated[float, Field(ge=0)] = 0.2
    slope: Annotated[float, Field(ge=0)] = 0.2

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        fit = self.regime(self.model, images, labels)
        with statistics_kept(self.model), torch.autocast(images.device.type, enabled=False):
            furthest = least_linear(self.model, images, self.epsilon * PIXEL, self.steps)
            parts = linear_parts(self.model, images, furthest - images)
        distance, slope = parts.distance.mean(), parts.slope.abs().mean()
        loss = fit.loss + self.linearity * distance + self.slope * slope
        descend(loss, self.optimizers["weights"])
        return {
            "loss": loss.detach(), **fit.terms, "linearity": distance.detach(), "slope": slope.detach(),
        }  # fmt: skip


class LinearParts(NamedTuple):
    """The parts of a score's change under a perturbation d."""

    distance: Tensor  # (N,) g(d, x), the distance from linearity
    slope: Tensor  # (N,) d . grad_x f(x), what a linear model would change by


def linear_parts(model: nn.Module, images: Tensor, perturbation: Tensor) -> LinearParts:
    """Return the parts of the change of scores under perturbations (N, 3, H, W); weights have gradients."""
    pixels = images.detach().requires_grad_()
    scores = model(pixels)
    (gradient,) = torch.autograd.grad(scores.sum(), pixels, create_graph=True)
    slope = (gradient * perturbation).flatten(1).sum(1)
    return LinearParts((model(images + perturbation) - scores - slope).abs(), slope)


def least_linear(model: nn.Module, images: Tensor, epsilon: float, steps: int) -> Tensor:
    """Return images of the ball at which scores are furthest from linear, as a few gradient steps find them.

    The balls are around images (N, 3, H, W) in [0, 1], their radius in pixel units. The steps begin at a
    random point, because at the centre the gradient of g is zero.
    """
    ball = LinfBall(images, epsilon)
    centre = images.detach().requires_grad_()
    scores = model(centre)
    (at_centre,) = torch.autograd.grad(scores.sum(), centre)
    scores = scores.detach()
    points = ball.spread(2 * torch.rand_like(images) - 1)
    for _ in range(steps):
        pixels = points.requires_grad_()
        change = model(pixels) - scores - (at_centre * (pixels - images)).flatten(1).sum(1)
        (gradient,) = torch.autograd.grad(change.abs().sum(), pixels)
        points = ball.project(points.detach() + STRIDE * epsilon / steps * gradient.sign())
    return points
