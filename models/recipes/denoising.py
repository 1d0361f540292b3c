"""Denoising: a network from images to images is fitted to take off noise of any strength up to a limit.

Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image
Denoising", TIP 2017, for noise of unknown strength:

    L = E |R(x + s g) - s g|^2,    g of N(0, I), s uniform in [0, sigma] for each image,

R what the network predicts of the noise: the difference of its input and its output.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ...bench.core.config import TrainingSettings
from ..recipe import Labels, Recipe, Regime, Terms, descend


class Denoising(Recipe):
    """Fits images to their noisy copies. Labels and the regime have no part in it.

    Args:
        model: What is trained: images (N, 3, H, W) to images.
        settings: `[training]`.
        regime: Not used.
        sigma: Largest standard deviation of the noise, in units of the pixel range [0, 1].
    """

    def __init__(
        self,
        model: nn.Module,
        settings: TrainingSettings,
        regime: Regime,
        sigma: Annotated[float, Field(gt=0, le=1)] = 0.05,
    ) -> None:
        super().__init__(model, settings, regime)
        self.sigma = sigma
        self.optimizers["weights"] = self.adamw(model.parameters())

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        strengths = self.sigma * torch.rand(len(images), 1, 1, 1, device=images.device)
        noisy = images + strengths * torch.randn_like(images)
        loss = (self.model(noisy) - images).square().mean()
        descend(loss, self.optimizers["weights"])
        return {"loss": loss.detach()}
