"""Images per second of the paper profile's ResNet-50 at 320 pixels on a GPU, and the share of its peak.

The peak is measured in the same run: a large matrix product in the same precision (TF32, which is what
cuDNN's convolutions use by default).
"""

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn

from iqabench import create_attack, create_model

FORWARD_FLOPS = 2 * 4.09e9 * (320 / 224) ** 2  # ResNet-50: 4.09 G multiply-adds at 224 px (He et al. 2016)
BATCHES = (16, 64, 256)


def measure_throughput() -> Iterator[str]:
    """A line for clean scoring, FGSM (gradient and one scoring) and PGD-10 at each batch size."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    peak = _peak_flops()
    yield f"throughput: {torch.cuda.get_device_name()}, TF32 matrix product {peak / 1e12:.0f} TFLOP/s"
    model = create_model("resnet", backbone="resnet50").cuda().eval().requires_grad_(False)
    model = model.to(memory_format=torch.channels_last)
    for size in BATCHES:
        images = torch.rand(size, 3, 320, 320, device="cuda").contiguous(memory_format=torch.channels_last)
        labels = torch.rand(size, device="cuda")
        for name, passes, work in _works(model, images, labels):
            seconds = _seconds(work)
            share = size * passes * FORWARD_FLOPS / seconds / peak
            yield f"throughput: {name}, batch {size}: {size / seconds:.0f} images/s, {share:.0%} of peak"


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


def _peak_flops(side: int = 8192) -> float:
    a, b = torch.randn(2, side, side, device="cuda").unbind()
    return 2 * side**3 / _seconds(lambda: a @ b)


def _seconds(work: Callable[[], object], repeats: int = 10) -> float:
    """Median time of a piece of GPU work, after a warm-up."""
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        began = perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(perf_counter() - began)
    return median(times)
