"""What an attack sees of its task: a batch, and the values and gradients of the objective around it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .gradient import pixel_gradient
from .noise import unit_noise
from .objectives import Objective

Backward = Literal["own", "bpda"]


@dataclass(frozen=True)
class Victim:
    """A model under attack, with the batch to perturb and what is to increase.

    Attributes:
        model: Images (N, 3, H, W) in [0, 1] to scores (N,); in evaluation mode, its weights frozen.
        images: (N, 3, H, W) in [0, 1], float32 or float64.
        labels: (N,) quality in [0, 1].
        objective: What the attack increases.
        generator: Source of randomness instead of the seed and the image, or None.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    objective: Objective
    generator: torch.Generator | None = None

    def gradient(self, images: Tensor, eot_samples: int = 1, backward: Backward = "own") -> Tensor:
        """Return the gradient (N, 3, H, W) of the objective at images (N, 3, H, W); a new tensor.

        Args:
            images: (N, 3, H, W) in [0, 1].
            eot_samples: Forward passes to average over; see `pixel_gradient`.
            backward: "own": the model's own backward pass. "bpda": the first one that the model offers in its
                stead (backward pass differentiable approximation, Athalye et al. 2018), if it offers any.
        """
        with self._backward(backward):
            return pixel_gradient(self.model, images, self.labels, self.objective, eot_samples)

    def noise(self, seed: int) -> Tensor:
        """Return uniform noise (N, 3, H, W) in [-1, 1): of the seed and each image, or the generator's."""
        return unit_noise(self.images, seed, self.generator)

    def _backward(self, backward: Backward) -> AbstractContextManager[Any]:
        model: Any = self.model
        offered = model.backward_passes() if hasattr(model, "backward_passes") else ()
        return model.backward_through(offered[0]) if backward == "bpda" and offered else nullcontext()
