"""What makes a pixel gradient of ResNet-50 fast on a GPU, and where its time goes.

    python benchmarks/gradients.py                             # a minute on a GPU
    python benchmarks/gradients.py --device cpu --batch-size 2 --image-size 64 --rounds 1

Prints gradients per second in each precision, with the order of memory, batch normalisation folded or not,
and cuDNN held to kernels that repeat their results or not; then the kernels that take the most time.
"""

import copy
from collections.abc import Iterator
from itertools import product

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.profiler import ProfilerActivity, profile  # noqa: E402

from iqabench import create_model  # noqa: E402
from iqabench.bench.sweep.engines.folding import folded  # noqa: E402
from iqabench.bench.training.precision import precision_on, tf32_where  # noqa: E402
from iqabench.benchmarks.gpu import PRECISIONS, batch, lively, seconds_of  # noqa: E402

ORDERS = {"channels last": torch.channels_last, "channels apart": torch.contiguous_format}
SHOWN = 8  # kernels


def gradient(model: nn.Module, images: Tensor) -> Tensor:
    """Return the gradient (N, 3, H, W) of the sum of the scores."""
    images = images.detach().requires_grad_(True)
    (found,) = torch.autograd.grad(model(images).float().sum(), images)
    return found


def compared(model: nn.Module, images: Tensor, rounds: int) -> Iterator[str]:
    """Yield a line for each precision and choice."""
    ready = {"folded": folded(model, images[:2]), "as it is": model}
    for precision in PRECISIONS:
        if precision_on(images.device, precision) != precision:
            continue
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        for order, (made, network), repeats in product(ORDERS, ready.items(), (True, False)):
            chosen = copy.deepcopy(network).to(dtype).to(memory_format=ORDERS[order])
            pixels = images.to(dtype).contiguous(memory_format=ORDERS[order])
            with (
                tf32_where(precision),
                torch.backends.cudnn.flags(
                    deterministic=repeats, benchmark=False, allow_tf32=precision == "tf32"
                ),
            ):
                seconds = seconds_of(lambda: gradient(chosen, pixels), images.device, rounds)  # noqa: B023
            kernels = "repeatable" if repeats else "any"
            yield f"{precision}: {order}, {made}, {kernels} kernels: {len(images) / seconds:.4g} gradients/s"


def kernels_of(model: nn.Module, images: Tensor) -> Iterator[str]:
    """Yield a line for each of the operations or kernels that take the most time of a gradient in TF32."""
    model = folded(model, images[:2]).to(memory_format=torch.channels_last)
    on_gpu = images.device.type == "cuda"
    with tf32_where("tf32"):
        gradient(model, images)
        with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as found:
            gradient(model, images)
    spent = {
        event.key: event.self_device_time_total if on_gpu else event.self_cpu_time_total
        for event in found.key_averages()
    }
    for name, microseconds in sorted(spent.items(), key=lambda one: -one[1])[:SHOWN]:
        yield f"{microseconds / sum(spent.values()):6.1%}  {name[:100]}"


@click.command()
@click.option("--device", default="cuda", show_default=True)
@click.option("--backbone", default="resnet50", show_default=True)
@click.option("--batch-size", default=64, show_default=True)
@click.option("--image-size", default=320, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(device: str, backbone: str, batch_size: int, image_size: int, rounds: int) -> None:
    """Count gradients per second."""
    images = batch(torch.device(device), batch_size, image_size)[0]
    torch.manual_seed(0)
    model = lively(create_model("resnet", backbone=backbone)).eval().requires_grad_(False).to(device)
    for line in (*compared(model, images, rounds), *kernels_of(model, images)):
        click.echo(line)


if __name__ == "__main__":
    main()
