"""Base classes of models: the check of the images, their normalisation, and a backbone of timm."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class IQAModel(nn.Module, ABC):
    """Base class of a no-reference quality model.

    A subclass implements `score`, from normalised images to (N,) scores in [0, 1].

    Args:
        mean: Per-channel mean that normalisation subtracts; ImageNet's by default.
        std: Per-channel deviation that normalisation divides by; ImageNet's by default.

    Attributes:
        version: Raised with every change of the code that changes a score or what training makes of the
            model, so that stored results of the code before are not taken for those of the new one.
        recipe: Name of the training recipe that fits the model.
        stochastic: Whether two forward passes in evaluation mode may differ.
        surrogates: Backward passes that the model offers besides its own: a name for each, and the value that
            the attribute `surrogate` of the layers concerned takes for it.
    """

    version: ClassVar[int] = 1
    recipe: ClassVar[str] = "regression"
    stochastic: ClassVar[bool] = False
    surrogates: ClassVar[Mapping[str, Any]] = {}

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Score images.

        Args:
            images: (N, 3, H, W) float in [0, 1], RGB.

        Returns:
            (N,) scores in [0, 1], higher is better.

        Raises:
            ValueError: the images have another shape.
        """
        return self.score(self.normalise(images))

    def normalise(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W) in [0, 1] as the backbone was trained on them.

        Raises:
            ValueError: the images have another shape.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
        return (images - self.mean) / self.std

    @abstractmethod
    def score(self, normalised: Tensor) -> Tensor:
        """Return scores (N,) in [0, 1] of normalised images (N, 3, H, W)."""

    def backward_passes(self) -> tuple[str, ...]:
        """Return the names of the backward passes that the model offers to attacks besides its own.

        A model offers one where its own gradient is zero or misleading (BPDA, Athalye et al. 2018).
        """
        return tuple(self.surrogates)

    @contextmanager
    def backward_through(self, name: str) -> Iterator[None]:
        """Take gradients through a surrogate, for the time of the context; the scores stay what they are.

        Args:
            name: One of `backward_passes()`.

        Raises:
            ValueError: there is no such backward pass.
        """
        if name not in self.surrogates:
            offered = ", ".join(map(repr, self.backward_passes())) or "none"
            raise ValueError(f"{type(self).__name__} has no backward pass {name!r}; it offers: {offered}")
        layers = [layer for layer in self.modules() if hasattr(layer, "surrogate")]
        with switched(layers, "surrogate", self.surrogates[name]):
            yield


class BackboneModel(IQAModel):
    """Base class of a model on a backbone of timm, whose score is the sigmoid of a logit.

    A subclass implements `logit`, from normalised images to (N,) logits.

    Args:
        backbone: Name of a timm model.
        backbone_args: Arguments passed to timm for it.
        pretrained: Start the backbone from timm's ImageNet weights.
        weights_file: Start the backbone from this `.safetensors` file instead.
    """

    max_stride: ClassVar[int] = 32
    """Upper limit of the ratio of image size to feature size; the backbone is cut off behind it."""

    def __init__(
        self,
        backbone: str = "resnet50",
        backbone_args: dict[str, Any] | None = None,
        pretrained: bool = False,
        weights_file: str | None = None,
    ) -> None:
        from .backbone import create_backbone  # timm takes seconds to import, and not every model is of it

        features: Any = create_backbone(
            backbone,
            pretrained=pretrained,
            weights_file=weights_file,
            backbone_args=backbone_args,
            max_stride=self.max_stride,
        )
        super().__init__(features.pretrained_cfg["mean"], features.pretrained_cfg["std"])
        self.backbone: nn.Module = features
        self.channels: int = features.num_features

    def score(self, normalised: Tensor) -> Tensor:
        """Return scores (N,) in [0, 1] of normalised images (N, 3, H, W)."""
        return torch.sigmoid(self.logit(normalised))

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits (N,) of the scores of images (N, 3, H, W) in [0, 1].

        An attack climbs them where the sigmoid is saturated and rounding loses the gradient of the score.
        """
        return self.logit(self.normalise(images))

    @abstractmethod
    def logit(self, normalised: Tensor) -> Tensor:
        """Return the logits (N,) of the scores of normalised images (N, 3, H, W)."""


@contextmanager
def switched(modules: Iterable[nn.Module], attribute: str, value: Any) -> Iterator[None]:
    """Give an attribute of some modules another value, for the time of the context."""
    before = [(module, getattr(module, attribute)) for module in modules]
    try:
        for module, _ in before:
            setattr(module, attribute, value)
        yield
    finally:
        for module, old in before:
            setattr(module, attribute, old)
