"""Times the pixel gradient of first convolutions, phase by phase of the stride against torch's, in turn.

    python benchmarks/stem.py

A ratio below 1 says how much of torch's time is left; it is the median over the rounds.
"""

import time
from statistics import median

from iqabench.bench.core.process import prepare_process

prepare_process()

import click  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

from iqabench.bench.sweep.engines.stem import PixelConvolution  # noqa: E402

LAYERS = {
    "ResNet, 96 px": (64, 7, 2, 3, 30, 96),
    "ResNet, 320 px": (64, 7, 2, 3, 4, 320),
    "ConvNeXt, 224 px": (96, 4, 4, 0, 8, 224),
    "ViT, 224 px": (768, 16, 16, 0, 8, 224),
    "AlexNet, 224 px": (64, 11, 4, 2, 8, 224),
    "Inception, 299 px": (32, 3, 2, 0, 4, 299),
}
"""Channels, kernel, stride, padding, images and their side."""


def seconds(layer: nn.Module, images: torch.Tensor) -> float:
    """Return how long the output and the gradient of its sum take."""
    began = time.perf_counter()
    torch.autograd.grad(layer(images).sum(), images)
    return time.perf_counter() - began


def ratio(convolution: nn.Conv2d, images: torch.Tensor, rounds: int) -> float:
    """Return the median ratio of the times, phase by phase and by torch, measured in turn."""
    ours = PixelConvolution.of(convolution)
    seconds(ours, images), seconds(convolution, images)
    return median(seconds(ours, images) / seconds(convolution, images) for _ in range(rounds))


@click.command()
@click.option("--rounds", default=15, show_default=True)
@click.option("--images", "most", default=30, show_default=True, help="Images of a batch at most.")
def main(rounds: int, most: int) -> None:
    """Print a ratio for each layer."""
    for name, (channels, kernel, stride, padding, count, side) in LAYERS.items():
        convolution = nn.Conv2d(3, channels, kernel, stride, padding).requires_grad_(False)
        convolution.to(memory_format=torch.channels_last)
        images = torch.rand(min(most, count), 3, side, side)
        images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
        click.echo(f"{name:26}{ratio(convolution, images, rounds):.2f}")


if __name__ == "__main__":
    main()
