"""Free adversarial training: one backward pass gives the gradient to the weights and that to the pixels.

Shafahi, Najibi, Ghiasi, Xu, Dickerson, Studer, Davis, Taylor and Goldstein, "Adversarial Training for Free!",
NeurIPS 2019: each batch is replayed m times, and with each replay

    w = w - rate grad_w L(f(x + d), y)
    d = clip(d + epsilon sign(grad_x L(f(x + d), y)), -epsilon, epsilon),

both gradients taken at the same w and d. The perturbation d is kept from one batch to the next, and the
number of epochs is divided by m.
"""

from dataclasses import dataclass, field
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ....attacks.tools.balls import LinfBall
from ....models.recipe import Labels, Recipe, Terms, descend
from ...core.configuration.values import PIXEL, Epsilon


@dataclass(eq=False)
class Free(Recipe):
    """Replays each batch, and moves its perturbation with each step of the weights.

    A replay takes the turn of one of the batches that follow, which is passed over. So training takes as many
    steps as a plain one in as many epochs, and sees each image as often as in an m-th of them.

    Attributes:
        epsilon: Radius of the ball, in units of 1/255.
        replays: m, how often a batch is seen in a row.
    """

    epsilon: Epsilon = 1.0
    replays: Annotated[int, Field(ge=1)] = 4
    _batch: tuple[Tensor, Labels] | None = field(init=False, default=None)
    _seen: int = field(init=False, default=0)
    _perturbation: Tensor | None = field(init=False, default=None)

    def start_epoch(self) -> None:
        """See `Recipe.start_epoch`: the first perturbation of an epoch is zero."""
        self._batch = self._perturbation = None

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        if self._batch is None or self._seen == self.replays:
            self._batch, self._seen = (images, labels), 0
        self._seen += 1
        images, labels = self._batch
        if self._perturbation is None:
            self._perturbation = torch.zeros_like(images)
        radius = self.epsilon * PIXEL
        pixels = LinfBall(images, radius).project(images + self._perturbation).requires_grad_()
        fit = self.regime(self.model, pixels, labels)
        descend(fit.loss, self.optimizers["weights"], also=[pixels])
        assert pixels.grad is not None
        moved = self._perturbation + radius * pixels.grad.sign()
        self._perturbation = moved.clamp(-radius, radius)
        return {"loss": fit.loss.detach(), **fit.terms}
