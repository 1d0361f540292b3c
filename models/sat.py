"""SAT: every ReLU replaced by a smooth function, so that the gradient an attack follows is continuous."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..bench.core.parameters import Inherited
from .resnet import ResNet
from .surgery import replace_activations

Activation = Literal["silu", "softplus", "gelu", "elu", "smooth_relu"]


class SAT(ResNet):
    """The architecture of smooth adversarial training.

    Xie et al., Smooth Adversarial Training, 2020. When it is trained on clean images only, as for the tables
    of the CPRL paper, the smooth activation is all that is left of the method.

    Args:
        activation: What replaces ReLU; `silu` gave the paper's best ResNet-50. `softplus` is
            log(1 + exp(10 x)) / 10, the paper's parametric form.
        backbone: See `BackboneModel`; with ReLUs. ImageNet weights were trained with these.
    """

    def __init__(self, activation: Activation = "silu", **backbone: Inherited) -> None:
        super().__init__(**backbone)
        replace_activations(self.backbone, ACTIVATIONS[activation])


class SmoothReLU(nn.Module):
    """x - log(alpha x + 1) / alpha for x >= 0, else 0; its slope alpha x / (alpha x + 1) is continuous.

    Xie et al. 2020. alpha > 0 is learned, one for the layer. It starts at 400, where the function is close
    to ReLU, and is kept as its square root so that it stays positive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root_alpha = nn.Parameter(torch.tensor(20.0))

    def forward(self, features: Tensor) -> Tensor:
        """Apply elementwise, to any shape."""
        alpha = self.root_alpha.square()
        positive = F.relu(features)
        return positive - torch.log(alpha * positive + 1) / alpha


ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "silu": nn.SiLU,
    "softplus": lambda: nn.Softplus(beta=10),
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "smooth_relu": SmoothReLU,
}
