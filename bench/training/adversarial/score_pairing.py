"""Adversarial logit pairing, on scores: an image and its attacked copy are to have one score.

Kannan, Kurakin and Goodfellow, "Adversarial Logit Pairing", 2018: with attacked images x' by PGD,

    L = 1/2 (mean L(f(x), y) + mean L(f(x'), y)) + weight mean (f(x) - f(x'))^2,

where f are the logits of classes. A quality model has one output; here it is the score. The attacked images
are those that `auto`'s search finds.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ....models.recipe import Labels, Recipe, Terms, descend, statistics_kept
from ...core.configuration.values import PIXEL, Epsilon
from .inner import worst_images


@dataclass(eq=False)
class ScorePairing(Recipe):
    """Trains on images and attacked copies in one batch, and on the squared difference of their scores.

    Attributes:
        epsilon: Radius of the ball, in units of 1/255.
        steps: Gradient steps of Auto-PGD; each costs a pass forward and one back.
        weight: Of the squared difference.
    """

    epsilon: Epsilon = 1.0
    steps: Annotated[int, Field(ge=1)] = 5
    weight: Annotated[float, Field(ge=0)] = 0.5

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        worst = worst_images(self.model, images, labels, self.epsilon * PIXEL, self.steps)
        both = torch.cat([images, worst])
        fit = self.regime(self.model, both, labels.twice())
        with statistics_kept(self.model):
            natural, attacked = self.model(both).chunk(2)
        distance = (natural - attacked).square().mean()
        loss = fit.loss + self.weight * distance
        descend(loss, self.optimizers["weights"])
        return {"loss": loss.detach(), **fit.terms, "pairing": distance.detach()}
