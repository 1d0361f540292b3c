"""Denoising: a network from images to images is fitted to remove noise of any strength up to a limit.

Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image
Denoising", TIP 2017, for noise of unknown strength:

    L = E |R(x + s g) - s g|^2,    g of N(0, I), s uniform in [0, sigma] for each image,

R what the network predicts of the noise: the difference of its input and its output.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..recipe import Labels, Recipe, Terms, descend


@dataclass(eq=False)
class Denoising(Recipe):
    """Fits images to their noisy copies. Labels and the regime have no part in it.

    The noise is of up to `sigma`, in units of the pixel range [0, 1].
    """

    sigma: Annotated[float, Field(gt=0, le=1)] = 0.05

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        strengths = self.sigma * torch.rand(len(images), 1, 1, 1, device=images.device)
        noisy = images + strengths * torch.randn_like(images)
        loss = (self.model(noisy) - images).square().mean()
        descend(loss, self.optimizers["weights"])
        return {"loss": loss.detach()}
