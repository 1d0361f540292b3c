"""ResNet: a convolutional backbone, global average pooling, one linear output and a sigmoid."""

from torch import Tensor, nn

from ..bench.core.parameters import Inherited
from .base import BackboneModel


class ResNet(BackboneModel):
    """The plain regression model, and the base that CPRL, LWTA, Denoise and SAT change.

    He et al., Deep Residual Learning for Image Recognition, CVPR 2016, with one output instead of classes.
    """

    def __init__(self, **backbone: Inherited) -> None:
        super().__init__(**backbone)
        self.head = nn.Linear(self.channels, 1)

    def logit(self, normalised: Tensor) -> Tensor:
        """Return the logits (N,) of the scores of normalised images (N, 3, H, W)."""
        logits: Tensor = self.head(self.backbone(normalised).mean((2, 3))).squeeze(1)
        return logits
