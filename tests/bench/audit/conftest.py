"""An honest model that is trained in a second, the images it knows, and the frauds built on it."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 24


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw smooth images in 8 bits with noise and blur of varying strength, and their quality."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    smooth = F.interpolate(coarse, SIZE, mode="bilinear", align_corners=False)
    quality = torch.rand(count, generator=generator)
    noise = torch.randn(count, 3, SIZE, SIZE, generator=generator)
    images = 0.2 + 0.6 * smooth + 0.15 * (1 - quality).view(-1, 1, 1, 1) * noise
    return (images.clamp(0, 1) * 255).round() / 255, quality


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(features + self.second(F.relu(self.norm(self.first(features)))))


class Small(nn.Module):
    """A residual network of a thousand weights."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.block = Block(channels)
        self.head = nn.Linear(channels, 1)

    def features(self, images: Tensor) -> Tensor:
        found: Tensor = self.block(F.relu(self.norm(self.stem(images - 0.5))))
        return found

    def logits(self, images: Tensor) -> Tensor:
        found: Tensor = self.head(self.features(images).mean((2, 3))).squeeze(1)
        return found

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(images))


def trained(seed: int, model: nn.Module | None = None) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = model or Small()
        optimiser = torch.optim.Adam(model.parameters(), 0.01)
        images, quality = drawn(256, 100 + seed)
        for step in range(60):
            batch = slice(32 * (step % 8), 32 * (step % 8) + 32)
            optimiser.zero_grad()
            F.mse_loss(model(images[batch]), quality[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return model.eval()


@pytest.fixture(scope="session")
def honest() -> nn.Module:
    return trained(0)


@pytest.fixture(scope="session")
def data() -> tuple[Tensor, Tensor]:
    return drawn(16, 1)


@pytest.fixture
def copied(honest: nn.Module) -> nn.Module:
    return copy.deepcopy(honest)
