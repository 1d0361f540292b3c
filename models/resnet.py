"""ResNet: a convolutional backbone, global average pooling, one linear output and a sigmoid."""

from typing import Any

import torch
from torch import Tensor, nn

from .backbone import create_backbone
from .base import IQAModel


class ResNet(IQAModel):
    """The plain regression model, and the frame that CPRL, LWTA, Denoise and SAT change.

    He et al., Deep Residual Learning for Image Recognition, CVPR 2016, with one output instead of classes.

    Args:
        backbone: Name of a timm model.
        backbone_args: Arguments passed to timm for it.
        pretrained: Start from timm's ImageNet weights.
        weights_file: Start from this `.safetensors` file instead.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        backbone_args: dict[str, Any] | None = None,
        pretrained: bool = False,
        weights_file: str | None = None,
    ) -> None:
        features: Any = create_backbone(
            backbone, pretrained=pretrained, weights_file=weights_file, backbone_args=backbone_args
        )
        super().__init__(features.pretrained_cfg["mean"], features.pretrained_cfg["std"])
        self.backbone: nn.Module = features
        self.head = nn.Linear(features.num_features, 1)

    def score(self, normalised: Tensor) -> Tensor:
        """Scores (N,) in [0, 1] of normalised images (N, 3, H, W)."""
        pooled = self.backbone(normalised).mean((2, 3))
        return torch.sigmoid(self.head(pooled).squeeze(1))
