"""Small quality models to attack, and a batch to attack them with."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from iqabench.attacks import Attack


class ScoreModel(nn.Module):
    """Two convolutions with batch norm, pooling and a sigmoid; `activation` decides whether it is smooth."""

    def __init__(self, activation: type[nn.Module]) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            activation(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            activation(),
        )
        self.head = nn.Linear(8, 1)

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.head(self.features(images).mean(dim=(2, 3)))).squeeze(1)


class Batch(NamedTuple):
    images: Tensor
    labels: Tensor

    def to(self, dtype: torch.dtype) -> "Batch":
        return Batch(self.images.to(dtype), self.labels.to(dtype))


def build_model(activation: type[nn.Module]) -> ScoreModel:
    torch.manual_seed(0)
    model = ScoreModel(activation)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.get_buffer("running_mean"), -0.2, 0.2)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
    return model.eval()


@pytest.fixture
def model() -> ScoreModel:
    return build_model(nn.SiLU)


@pytest.fixture(params=[nn.SiLU, nn.ReLU], ids=["smooth", "relu"])
def smooth_or_relu_model(request: pytest.FixtureRequest) -> ScoreModel:
    return build_model(request.param)


@pytest.fixture
def batch() -> Batch:
    """Six images with pixels at both ends of the range, labels on both sides of 0.5 and at it."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand((6, 3, 12, 12), generator=generator)
    images[:, :, :2] = 0
    images[:, :, -2:] = 1
    return Batch(images, torch.tensor([0.0, 0.2, 0.5, 0.51, 0.9, 1.0]))


class Counted(nn.Module):
    """A model that counts the forward passes through it and the backward passes to its pixels."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.forwards = self.backwards = 0

    def forward(self, images: Tensor) -> Tensor:
        self.forwards += 1
        if images.requires_grad:
            images.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        scores: Tensor = self.model(images)
        return scores

    def _count_backward(self, gradient: Tensor) -> None:
        self.backwards += 1


class Around(nn.Module):
    """A model around an honest one, which offers other backward passes where it has any."""

    backward: str | None = None

    def __init__(self, honest: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.honest = honest

    @contextmanager
    def backward_through(self, name: str) -> Iterator[None]:
        self.backward = name
        yield
        self.backward = None


class Jolted(Around):
    """A random model each of whose draws moves all scores of a batch further than an attack does."""

    def forward(self, images: Tensor) -> Tensor:
        return self.honest(images) + 0.1 * torch.randn(len(images))


@pytest.fixture
def counted(model: ScoreModel) -> Counted:
    return Counted(model)


@pytest.fixture
def in_batches() -> Callable[..., list[Tensor]]:
    """Run an attack on a batch in pieces of a given size; returns the images of each epsilon."""

    def run(
        attack: Attack,
        model: nn.Module,
        batch: Batch,
        epsilons: Sequence[float],
        size: int,
        generator: torch.Generator | None = None,
    ) -> list[Tensor]:
        pieces = [
            list(attack.perturb(model, images, labels, epsilons, generator=generator))
            for images, labels in zip(*(torch.split(part, size) for part in batch), strict=True)
        ]
        return [torch.cat(parts) for parts in zip(*pieces, strict=True)]

    return run
