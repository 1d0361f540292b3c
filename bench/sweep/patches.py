"""A model's mean score over crops of a picture, differentiable to the whole picture."""

from typing import Any

import torch
from torch import Tensor, nn

from ..datasets.framing import Patches


class PatchMean(nn.Module):
    """The mean of a model's scores of square crops (N, 3, S, S).

    An attribute that it does not have itself is the model's, such as `stochastic`, or the backward passes
    that the model offers.
    """

    def __init__(self, model: nn.Module, patches: Patches) -> None:
        super().__init__()
        self.model = model
        self._patches = patches

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("model"), name)

    def forward(self, images: Tensor) -> Tensor:
        """Return mean scores (N,) of pictures (N, 3, H, W), at least as high and wide as a patch.

        Each crop is a batch of N by itself, so that batches inside the model, too, have one element for each
        image. Attacks rely on that.
        """
        size = self._patches.size
        scores = [
            self.model(images[:, :, top : top + size, left : left + size])
            for top, left in self._patches.positions(*images.shape[2:])
        ]
        return torch.stack(scores).mean(0)
