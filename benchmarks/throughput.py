"""Images per second of the paper's ResNet-50 at 320 pixels, and the share of the device's peak.

    python benchmarks/throughput.py                                     # on a GPU
    python benchmarks/throughput.py --device cpu --batch-sizes 4

The peak is measured in the same run: a large matrix product in the same precision (TF32, which is what
cuDNN's convolutions use by default).
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from time import perf_counter

import click
import torch
from torch import Tensor, nn

from iqabench import create_attack, create_model

FORWARD_FLOPS = 2 * 4.09e9 / 224**2  # a pixel of ResNet-50: 4.09 G multiply-adds at 224 px (He et al. 2016)


def measure_throughput(
    device: torch.device, batch_sizes: Sequence[int], image_size: int, side: int, rounds: int
) -> Iterator[str]:
    """Yield a line for clean scoring, FGSM (gradient and one scoring) and PGD-10 at each batch size.

    Args:
        device: What is measured.
        batch_sizes: Images in a batch.
        image_size: Pixels along each side of an image.
        side: Rows and columns of the matrices whose product measures the peak.
        rounds: Times that each piece of work is timed; the median counts.
    """
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    factors = torch.randn(2, side, side, device=device)
    peak = 2 * side**3 / _seconds(lambda: factors[0] @ factors[1], device, rounds)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    yield f"throughput: {name}, matrix product {peak / 1e12:.3g} TFLOP/s"
    model = create_model("resnet", backbone="resnet50").to(device).eval().requires_grad_(False)
    model = model.to(memory_format=torch.channels_last)
    for size in batch_sizes:
        images = torch.rand(size, 3, image_size, image_size, device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        labels = torch.rand(size, device=device)
        for what, passes, work in _works(model, images, labels):
            seconds = _seconds(work, device, rounds)
            share = size * passes * FORWARD_FLOPS * image_size**2 / seconds / peak
            yield f"throughput: {what}, batch {size}: {size / seconds:.0f} images/s, {share:.0%} of peak"


def _works(model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[str, int, Callable[[], None]]]:
    """Name, passes per image (a backward to pixels costs a forward), and the work itself."""

    def score(batch: Tensor) -> None:
        with torch.inference_mode():
            model(batch)

    def attacked(name: str) -> Callable[[], None]:
        attack = create_attack(name)
        return lambda: score(next(attack.perturb(model, images, labels, [1 / 255])))

    yield "clean scoring", 1, lambda: score(images)
    yield "FGSM", 3, attacked("fgsm")
    yield "PGD-10", 21, attacked("pgd")


def _seconds(work: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Return the median time of a piece of work, in seconds."""
    times = []
    for number in range(rounds + 1):
        began = perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if number:  # the first round is a warm-up
            times.append(perf_counter() - began)
    return median(times)


@click.command()
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cuda", show_default=True)
@click.option("--batch-sizes", default="16,64,256", show_default=True)
@click.option("--image-size", default=320, show_default=True)
@click.option("--side", default=8192, show_default=True, help="Of the matrices that measure the peak.")
@click.option("--rounds", default=10, show_default=True)
def main(device: str, batch_sizes: str, image_size: int, side: int, rounds: int) -> None:
    """Count images per second."""
    if device == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("torch finds no CUDA GPU here; use --device cpu")
    sizes = [int(size) for size in batch_sizes.split(",")]
    for line in measure_throughput(torch.device(device), sizes, image_size, side, rounds):
        click.echo(line)


if __name__ == "__main__":
    main()
