"""A model whose gradient is known."""

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """A score that is linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 3 * 8 * 8, dtype=torch.float64).view(3, 8, 8) / 50)

    def forward(self, images: Tensor) -> Tensor:
        return 0.5 + (images * self.weight).sum((1, 2, 3))
