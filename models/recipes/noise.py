"""Noise augmentation: the regression loss is taken on noisy images.

Cohen, Rosenfeld and Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019, train the
base of a smoothed model in this way:

    L = E_G L_regression(x + G, y),    G of N(0, sigma^2 I).
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..recipe import Labels, Recipe, Terms


@dataclass(eq=False)
class NoiseAugmentation(Recipe):
    """Adds independent normal noise to each value of each training image.

    A step costs as much as a plain one.

    Attributes:
        sigma: Standard deviation of the noise, in units of the pixel range; the result is kept in [0, 1].
    """

    sigma: Annotated[float, Field(gt=0, le=1)] = 0.05

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        noisy = (images + self.sigma * torch.randn_like(images)).clamp(0, 1)
        return self.regression_step(noisy, labels)
