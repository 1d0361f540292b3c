"""Total-variation minimisation."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..base import Defence, recomputed

STEP = 1 / 4  # of the dual ascent in two dimensions


class TotalVariation(Defence):
    """Gives each colour the image u that minimises |u - x|^2 / 2 + weight TV(u), after some iterations.

    Rudin, Osher and Fatemi 1992, by the dual ascent of Chambolle 2004, An Algorithm for Total Variation
    Minimization and Applications:

        u = x - div p,    p <- (p - grad(u) / 4) / (1 + |grad(u)| / (4 weight)).

    As a defence: Guo et al., ICLR 2018. One pass. The gradient is exact, that of the iterations; attacks
    are offered the identity, too (BPDA).

    Args:
        weight: Weight of the total variation.
        iterations: Number of u that are computed, the first of which is x itself.
    """

    near_identity: ClassVar[bool] = True

    def __init__(
        self,
        weight: Annotated[float, Field(gt=0)] = 0.05,
        iterations: Annotated[int, Field(ge=1, le=1000)] = 20,
    ) -> None:
        super().__init__()
        self.weight = weight
        self.iterations = iterations

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), smoothed where they are flat."""
        dual = torch.stack([images, images]) * 0
        for _ in range(self.iterations - 1):
            dual = recomputed(self._ascended, dual, images)
        return (images - _divergence(dual)).clamp(0, 1)

    def _ascended(self, dual: Tensor, images: Tensor) -> Tensor:
        """Return the dual field (2, N, 3, H, W) after one more iteration."""
        gradient = _differences(images - _divergence(dual))
        length = torch.linalg.vector_norm(gradient, dim=0, keepdim=True)
        ascended: Tensor = (dual - STEP * gradient) / (1 + STEP / self.weight * length)
        return ascended


def _differences(images: Tensor) -> Tensor:
    """Return the differences (2, ...) to the next pixel down and right, zero at the end."""
    down = F.pad(images.diff(dim=-2), (0, 0, 0, 1))
    right = F.pad(images.diff(dim=-1), (0, 1))
    return torch.stack([down, right])


def _divergence(field: Tensor) -> Tensor:
    """Return minus the adjoint of `_differences` of a field whose last differences are zero."""
    down, right = field
    from_above: Tensor = F.pad(down[..., :-1, :], (0, 0, 1, 0))
    from_left: Tensor = F.pad(right[..., :-1], (1, 0))
    divergence: Tensor = down + right - from_above - from_left
    return divergence
