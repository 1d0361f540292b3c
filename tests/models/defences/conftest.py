"""Images with edges, gradients and texture, which filters treat differently."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def pictures() -> Tensor:
    """Two pictures (2, 3, 24, 20) in float64."""
    generator = torch.Generator().manual_seed(3)
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 24), torch.linspace(0, 1, 20), indexing="ij")
    smooth = torch.stack([rows, columns, 1 - rows * columns])
    edges = ((rows > 0.4) & (columns > 0.3)).double().expand(3, -1, -1) * 0.6
    both = torch.stack([smooth.double(), edges + 0.2 * smooth.double()])
    noise = 0.05 * torch.randn(both.shape, generator=generator, dtype=torch.float64)
    return (0.1 + 0.8 * both + noise).clamp(0.02, 0.98)


@pytest.fixture
def slope_error() -> Callable[[Callable[[Tensor], Tensor], Tensor], float]:
    """Return the relative error of the gradient of a weighted sum, against central differences."""

    def measure(function: Callable[[Tensor], Tensor], images: Tensor) -> float:
        generator = torch.Generator().manual_seed(5)
        weights, direction = (
            torch.randn(images.shape, generator=generator, dtype=torch.float64) for _ in range(2)
        )
        pixels = images.clone().requires_grad_()
        (gradient,) = torch.autograd.grad((weights * function(pixels)).sum(), pixels)
        step = 1e-6
        with torch.no_grad():
            rise = (
                weights * (function(images + step * direction) - function(images - step * direction))
            ).sum()
        slope = rise / (2 * step)
        return float(((gradient * direction).sum() - slope).abs() / slope.abs())

    return measure
