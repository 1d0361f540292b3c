"""DBCNN: two branches, one trained on content and one on distortions, joined by bilinear pooling."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ..bench.core.parameters import Inherited
from .base import BackboneModel

# (channels, stride) of the nine convolutions of the distortion branch.
SCNN_LAYERS = ((48, 1), (48, 2), (64, 1), (64, 2), (64, 1), (64, 2), (128, 1), (128, 1), (128, 2))


class DBCNN(BackboneModel):
    """Deep bilinear convolutional network: content and distortion features, joined by bilinear pooling.

    Zhang et al., Blind Image Quality Assessment Using a Deep Bilinear Convolutional Neural Network, IEEE
    TCSVT 2020: features of VGG-16, its last max-pool left out, and of SCNN, nine convolutions, are joined by
    bilinear pooling, signed root, L2 normalisation and one linear layer. A sigmoid maps its output to [0, 1].
    SCNN starts from random weights; the paper's own pre-training of it on synthetic distortions is left out.

    Args:
        backbone: Name of a timm model for the content branch, cut after its features at 1/16 of the image
            size, which is SCNN's.
        scnn_width: Multiplies the channels of SCNN; 1 is the paper's.
        options: The other parameters of `BackboneModel`, for the content branch.
    """

    max_stride: ClassVar[int] = 16

    def __init__(
        self, backbone: str = "vgg16", scnn_width: Annotated[float, Field(gt=0)] = 1.0, **options: Inherited
    ) -> None:
        super().__init__(backbone, **options)
        self.scnn = create_scnn(scnn_width)
        self.head = nn.Linear(self.channels * _scaled(SCNN_LAYERS[-1][0], scnn_width), 1)

    def logit(self, normalised: Tensor) -> Tensor:
        """Return the logits (N,) of the scores of normalised images (N, 3, H, W)."""
        content = self.backbone(normalised)
        distortion = self.scnn(normalised)
        if distortion.shape[2:] != content.shape[2:]:
            distortion = F.interpolate(distortion, content.shape[2:], mode="bilinear", align_corners=True)
        pooled = F.normalize(signed_root(bilinear_pool(content, distortion)))
        logits: Tensor = self.head(pooled).squeeze(1)
        return logits

    def load_pyiqa(self, state: Mapping[str, Tensor]) -> None:
        """Load a state dictionary of pyiqa's DBCNN, into the default backbone and width.

        pyiqa's score is the output of the linear layer: it is the logit of ours.

        Raises:
            RuntimeError: a tensor is missing, left over, or has another shape.
        """
        prefixes = {"features1": "backbone.features", "features2": "scnn", "fc": "head"}
        ours = {}
        for name, tensor in state.items():
            part, _, rest = name.partition(".")
            ours[f"{prefixes.get(part, part)}.{rest}"] = tensor
        self.load_state_dict(ours)


def create_scnn(width: float = 1.0) -> nn.Sequential:
    """Build SCNN, 128 `width` channels at the end: nine 3x3 convolutions, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    last = 3
    for channels, stride in SCNN_LAYERS:
        scaled = _scaled(channels, width)
        layers += [
            nn.Conv2d(last, scaled, 3, stride, padding=1),
            nn.BatchNorm2d(scaled),
            nn.ReLU(inplace=True),
        ]
        last = scaled
    return nn.Sequential(*layers)


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def bilinear_pool(first: Tensor, second: Tensor) -> Tensor:
    """Average the outer products of feature maps (N, A, H, W) and (N, B, H, W) over the positions.

    The result is (N, A * B), the entry for channels (a, b) at a * B + b.
    """
    positions = first.shape[2] * first.shape[3]
    return (first.flatten(2) @ second.flatten(2).mT).flatten(1) / positions


def signed_root(pooled: Tensor) -> Tensor:
    """Return sign(x) sqrt(|x| + 1e-8), any shape; the constant keeps the gradient finite at zero."""
    return torch.copysign((pooled.abs() + 1e-8).sqrt(), pooled)
