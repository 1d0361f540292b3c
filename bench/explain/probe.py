"""Scores and FGSM direction of a trained model, the same whenever they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...attacks.tools.gradient import pixel_gradient, undisturbed
from ...attacks.tools.objectives import score_reflection

_ATTACKED, _SCORED = 0, 1  # seeds: a stochastic model is scored with another draw than it is attacked with


@dataclass(frozen=True)
class Probe:
    """A trained model to be explained.

    A stochastic model is asked for one and the same draw whenever it scores, one image at a time, so that
    two scores differ only by what differs between the images.
    """

    name: str  # what the user calls it
    model: nn.Module  # in evaluation mode
    stochastic: bool = False  # whether two forward passes may differ
    samples: int = 1  # forward passes that the FGSM gradient is averaged over
    batch_size: int = 16  # images at once

    def scores(self, images: Tensor) -> np.ndarray:
        """Return scores (N,) in [0, 1] of images (N, 3, H, W) in [0, 1]."""
        found = []
        with torch.random.fork_rng(), torch.inference_mode():
            for batch in self._batches(images):
                torch.manual_seed(_SCORED)
                found.append(self.model(batch).double().cpu().numpy())
        return np.concatenate(found)

    def fgsm_direction(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the signs of FGSM's gradient (CPRL, Eq. 5) at images (N, 3, H, W) of quality (N,)."""
        found = []
        with torch.random.fork_rng(), undisturbed(self.model):
            batches = zip(self._batches(images), self._batches(labels), strict=True)
            for batch, batch_labels in batches:
                torch.manual_seed(_ATTACKED)
                gradient = pixel_gradient(self.model, batch, batch_labels, score_reflection, self.samples)
                found.append(gradient.sign_())
        return torch.cat(found)

    def _batches(self, values: Tensor) -> Iterator[Tensor]:
        # A stochastic model's draws depend on an image's position in the batch.
        return iter(torch.split(values, 1 if self.stochastic else self.batch_size))
