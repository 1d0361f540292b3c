"""The forward pass of a ResNet with the mask against that of the plain one, for each choice of sites.

    python benchmarks/mask.py
    python benchmarks/mask.py --device cuda

The models score one batch in turn, round by round; a ratio is the median over rounds. Models are prepared as
for a sweep: evaluation mode, channels last, inference mode, batch normalisation left as it is.
"""

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import get_args

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from iqabench.models import create_model  # noqa: E402
from iqabench.models.cprl.mask import Reading  # noqa: E402

SITES = {
    "last blocks of stages 3 and 4": (3, 4),
    "last block of each stage": "last_block_of_each_stage",
    "every block": "every_block",
}
TARGET = 1.25


def compare_with_plain(
    device: torch.device, backbone: str, batch_size: int, image_size: int, rounds: int, b: float, reading: str
) -> Iterator[str]:
    """A line for the plain model, then one for each choice of sites."""
    images = torch.rand(batch_size, 3, image_size, image_size)
    images = images.to(device).contiguous(memory_format=torch.channels_last)
    models = {"plain": _prepared(create_model("resnet", backbone=backbone), device)}
    for name, sites in SITES.items():
        masked = create_model("cprl", backbone=backbone, sites=sites, b=b, reading=reading)
        models[name] = _prepared(masked, device)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            elapsed = _seconds(model, images)
            if number:  # the first round is a warm-up
                seconds[name].append(elapsed)

    yield f"{'sites':30} {'seconds':>8} {'x plain':>8} {'target':>8}"
    for name, times in seconds.items():
        ratio = median(time / plain for time, plain in zip(times, seconds["plain"], strict=True))
        target = "" if name == "plain" else f"{TARGET:8.2f}"
        yield f"{name:30} {median(times):8.3f} {ratio:8.2f} {target}"


def _prepared(model: nn.Module, device: torch.device) -> nn.Module:
    return model.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)


def _seconds(model: nn.Module, images: Tensor) -> float:
    began = perf_counter()
    with torch.inference_mode():
        model(images).cpu()  # waits for a GPU
    return perf_counter() - began


@click.command()
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--backbone", default="resnet50", show_default=True)
@click.option("--reading", type=click.Choice(get_args(Reading)), default="keep_top", show_default=True)
@click.option("--b", default=0.4, show_default=True)
@click.option("--batch-size", default=16, show_default=True)
@click.option("--image-size", default=224, show_default=True)
@click.option("--rounds", default=7, show_default=True)
def main(
    device: str, backbone: str, reading: str, b: float, batch_size: int, image_size: int, rounds: int
) -> None:
    """Time the mask in a forward pass."""
    for line in compare_with_plain(
        torch.device(device), backbone, batch_size, image_size, rounds, b, reading
    ):
        click.echo(line)


if __name__ == "__main__":
    main()
