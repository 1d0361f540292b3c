"""Denoise: a non-local mean over positions, added back after each stage of the backbone."""

from torch import Tensor, nn
from torch.nn import functional as F

from ..bench.core.parameters import Inherited
from .resnet import ResNet
from .surgery import stages


class Denoise(ResNet):
    """Feature denoising network: a `DenoisingBlock` after the last residual block of each stage.

    Xie et al., Feature Denoising for Improving Adversarial Robustness, CVPR 2019. The denoising blocks start
    as the identity; the backbone is made of stages of residual blocks.
    """

    def __init__(self, **backbone: Inherited) -> None:
        super().__init__(**backbone)
        for stage in stages(self.backbone):
            stage.blocks.append(DenoisingBlock(stage.channels))


class DenoisingBlock(nn.Module):
    """x + BN(W y), where y_i = sum_j softmax_j(theta(x_i) . phi(x_j) / sqrt(d)) x_j.

    The embedded Gaussian of Xie et al. 2019, Section 4.2: theta and phi are 1x1 convolutions to d = C / 2
    channels, W is one to C channels. The batch norm's scale starts at zero, so that the block starts as the
    exact identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.mix = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        for embedding in (self.theta, self.phi):
            nn.init.normal_(embedding.weight, std=0.01)
        nn.init.kaiming_normal_(self.mix.weight, mode="fan_out")
        nn.init.zeros_(self.norm.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, H, W) to the same shape."""
        denoised: Tensor = self.norm(self.mix(self._non_local_mean(features)))
        return features + denoised

    def _non_local_mean(self, features: Tensor) -> Tensor:
        width = self.theta.out_channels
        # Zero channels change no product, and queries as wide as the values let torch use its kernels that
        # never store the matrix of all pairs of positions.
        pad = (0, features.shape[1] - width)
        queries = F.pad(_positions(self.theta(features)), pad)
        keys = F.pad(_positions(self.phi(features)), pad)
        mean = F.scaled_dot_product_attention(queries, keys, _positions(features), scale=width**-0.5)
        return mean.squeeze(1).mT.reshape(features.shape)


def _positions(features: Tensor) -> Tensor:
    return features.flatten(2).mT.unsqueeze(1)
