"""Gradient-norm regularisation (NT): a model is fitted to be flat around its training images.

Liu, Yang, Li and others, "Defense Against Adversarial Attacks on No-Reference Image Quality Models with
Gradient Norm Regularization", CVPR 2024:

    L = L_regression + weight E |grad_x f(x)|_1,

for the L1 norm of the gradient is what a small L-inf perturbation of radius 1 changes a score by. As a finite
difference, without a second derivative, with d = sign(grad_x f(x)):

    |grad_x f(x)|_1 = <grad_x f(x), d> ~ (f(x + h d) - f(x)) / h.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..recipe import Labels, Recipe, Terms, descend, statistics_kept

Form = Literal["finite_differences", "double_backward"]


@dataclass(eq=False)
class GradientNorm(Recipe):
    """Adds the mean L1 norm of the gradient to the pixels to the regime's loss.

    As a finite difference, a step takes three more passes forward than a plain one and three more back.

    Attributes:
        weight: Weight of the norm.
        form: How the norm is differentiated.
        step_size: h of the finite difference, in pixel units of [0, 1].
    """

    weight: Annotated[float, Field(ge=0)] = 1e-4
    form: Form = "finite_differences"
    step_size: Annotated[float, Field(gt=0)] = 0.5 / 255

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        fit = self.regime(self.model, images, labels)
        with statistics_kept(self.model):
            norm = gradient_norm(self.model, images, self.form, self.step_size)
        loss = fit.loss + self.weight * norm
        descend(loss, self.optimizers["weights"])
        return {"loss": loss.detach(), **fit.terms, "gradient norm": norm.detach()}


def gradient_norm(model: nn.Module, images: Tensor, form: Form, step_size: float) -> Tensor:
    """Return the mean L1 norm of the gradient of scores to pixels, differentiable to the weights.

    Images are (N, 3, H, W) in [0, 1]; the form is as in `GradientNorm`, h the step of its finite difference.
    """
    pixels = images.detach().requires_grad_()
    twice = form == "double_backward"
    scores = model(pixels)
    (gradient,) = torch.autograd.grad(scores.sum(), pixels, create_graph=twice)
    if twice:
        norms = gradient.abs().flatten(1).sum(1)
    else:
        norms = (model(images + step_size * gradient.sign()) - model(images)) / step_size
    return norms.mean()
