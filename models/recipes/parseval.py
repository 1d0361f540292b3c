"""Parseval networks: weight matrices are kept close to orthogonal.

Cisse, Bojanowski, Grave, Dauphin and Usunier, "Parseval Networks: Improving Robustness to Adversarial
Examples", ICML 2017: after each step of the optimiser, for every weight matrix W,

    W <- (1 + beta) W - beta W W^T W,

a step down |W^T W - I|^2, after which the singular values of W are closer to 1. The paper takes it on a
random part of the rows; here it is taken on all. A kernel of a convolution is the matrix (outputs, inputs x
height x width).
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..recipe import Labels, Recipe, Terms
from .layers import change_matrices


@dataclass(eq=False)
class Parseval(Recipe):
    """Follows each step of plain regression by one of length `beta` towards orthogonal weights.

    It costs two matrix products.
    """

    beta: Annotated[float, Field(gt=0, le=0.5)] = 0.01

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        terms = self.regression_step(images, labels)
        change_matrices(self.model, lambda matrix: retracted(matrix, self.beta))
        return terms


def retracted(matrix: Tensor, beta: float) -> Tensor:
    """Return a matrix after one step towards orthogonal rows, or columns where there are fewer of them.

    A matrix of norm above 1 is divided by its norm first: from there on, the step never overshoots.
    """
    scaled = matrix / torch.linalg.matrix_norm(matrix, 2).clamp(min=1)
    moved: Tensor = (1 + beta) * scaled - beta * scaled @ (scaled.mT @ scaled)
    return moved
