"""The contract of a training recipe: what one step on one batch does. The loop is `bench.training.fit`.

A regime says what a step's regression loss is taken on, a recipe what else a step does. A model names its
recipe by the class attribute `recipe`; the recipe of a single model lies in the model's folder.
"""

import platform
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import AdamW, Optimizer

from ..bench.core.configuration.tables import TrainingSettings

Terms = dict[str, Tensor]  # loss terms by name, each a number without gradient


class Labels(NamedTuple):
    """People's ratings of a batch of images."""

    quality: Tensor  # (N,) in [0, 1], higher is better
    distribution: Tensor | None = None  # (N, K) share of each rating from the worst to the best, if known

    def to(self, device: torch.device) -> "Labels":
        """Return the same labels on another device."""
        distribution = None if self.distribution is None else self.distribution.to(device)
        return Labels(self.quality.to(device), distribution)

    def twice(self) -> "Labels":
        """Return the labels of a batch that is followed by its copy."""
        distribution = None if self.distribution is None else self.distribution.repeat(2, 1)
        return Labels(self.quality.repeat(2), distribution)


class Fit(NamedTuple):
    """The agreement of a batch's scores with its labels."""

    loss: Tensor  # to be minimised
    terms: Terms  # what the loss is made of, where it has parts


class Regime(Protocol):
    """The regression loss of a model on a batch, and with it which images training sees."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Labels) -> Fit:
        """Return the loss of a model on images (N, 3, H, W) in [0, 1] with their labels."""


@dataclass(eq=False)
class Recipe(ABC):
    """A training recipe, made for one model; a subclass implements `step`.

    A subclass with parameters is a dataclass too. Its own fields are the parameters, and each has a default.

    Attributes:
        version: Raised with every change of the code that changes what training makes of a model.
        model: What is trained, in training mode whenever `step` is called.
        settings: `[training]`.
        regime: What the regression loss is taken on.
        optimizers: By name; `weights` is an AdamW of all weights of the model, unless a subclass gives it
            others. The loop sets the learning rate of each, and keeps its state with a snapshot.
    """

    version: ClassVar[int] = 1

    model: nn.Module
    settings: TrainingSettings
    regime: Regime
    optimizers: dict[str, Optimizer] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.optimizers["weights"] = self.adamw(self.model.parameters())

    def start_epoch(self) -> None:  # noqa: B027
        """Forget what was kept of the epoch before. A resumed run starts with an epoch."""

    @abstractmethod
    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """Take one step on one batch.

        Args:
            number: Steps taken before, over all epochs.
            images: (N, 3, H, W) in [0, 1].
            labels: Of the N images.

        Returns:
            Loss terms, `loss` among them. One may be missing from a step in which it has no part.
        """

    def adamw(self, weights: Iterable[nn.Parameter]) -> AdamW:
        """Make an AdamW of some weights, with the learning rate and weight decay of `[training]`."""
        return AdamW(weights, lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay)

    def regression_step(self, images: Tensor, labels: Labels) -> Terms:
        """Take one step of the optimiser `weights` down the regime's loss, and return its terms."""
        fit = self.regime(self.model, images, labels)
        descend(fit.loss, self.optimizers["weights"])
        return {"loss": fit.loss.detach(), **fit.terms}


def descend(loss: Tensor, optimizer: Optimizer, also: Iterable[Tensor] = ()) -> None:
    """Take one step of an optimiser along the gradient to its own weights.

    The backward pass computes the gradients to the tensors in `also` too, and leaves them in their `grad`. It
    computes no others.
    """
    optimizer.zero_grad()
    weights = [
        weight for group in optimizer.param_groups for weight in group["params"] if weight.requires_grad
    ]
    loss.backward(inputs=[*weights, *also])  # type: ignore[no-untyped-call]
    optimizer.step()


@contextmanager
def sound_kernels(model: nn.Module) -> Iterator[None]:
    """Inside the block, take gradients to the weights of a model by kernels that keep to their memory.

    On an x86 processor without AVX-512 and in a single thread, oneDNN's gradient to the weights of a 1 x 1
    convolution with a stride and fewer than eight channels, in the order channels last, writes beyond its
    memory (seen with torch 2.15: the process ends by a signal, sooner or later). Such a model is computed
    without oneDNN there.
    """
    fragile = any(
        isinstance(layer, nn.Conv2d)
        and (layer.kernel_size, max(layer.stride) > 1) == ((1, 1), True)
        and layer.in_channels % 8
        for layer in model.modules()
    )
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    onednn: Any = torch.backends.mkldnn
    before = onednn.enabled
    if fragile and x86 and torch.backends.cpu.get_cpu_capability() != "AVX512":
        onednn.enabled = False
    try:
        yield
    finally:
        onednn.enabled = before


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Let batch normalisation use the statistics of a batch without counting them in its running ones."""
    layers = [
        layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats
    ]
    try:
        for layer in layers:
            layer.track_running_stats = False
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
