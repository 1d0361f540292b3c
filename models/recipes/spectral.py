"""Spectral normalisation by projection: no layer has a larger gain than a limit.

Gouk, Frank, Pfahringer and Cree, "Regularisation of Neural Networks by Enforcing Lipschitz Continuity",
Machine Learning 2021: after each step of the optimiser, for every weight matrix W,

    W <- W / max(1, |W|_2 / limit),

|W|_2 its largest singular value. A kernel of a convolution is the matrix (outputs, inputs x height x width),
as in Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..recipe import Labels, Recipe, Terms
from .layers import change_matrices


@dataclass(eq=False)
class Spectral(Recipe):
    """Follows each step of plain regression by the projection to singular values of at most `limit`.

    It costs a singular value of each layer. The product of the limits bounds the Lipschitz constant of a
    network of linear layers and ReLUs in the L2 norm. Batch normalisation has a gain of its own, which is not
    limited.
    """

    limit: Annotated[float, Field(gt=0)] = 1.0

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        terms = self.regression_step(images, labels)
        change_matrices(self.model, lambda matrix: projected(matrix, self.limit))
        return terms


def projected(matrix: Tensor, limit: float) -> Tensor:
    """Return a matrix, divided by its norm over the limit where that is above 1."""
    limited: Tensor = matrix / (torch.linalg.matrix_norm(matrix, 2) / limit).clamp(min=1)
    return limited
