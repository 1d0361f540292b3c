"""Images per second of a GPU in each precision, the share of its peak, and whether it agrees with the CPU.

    python benchmarks/gpu.py                                     # all GPUs; under ten minutes
    python benchmarks/gpu.py --device cpu --batch-sizes 4 --rounds 1

The model is the paper's ResNet-50 at 320 pixels, made ready as a sweep does it. The peak is the maker's,
dense, of the precision in use; of a card that is not in the list, that of a large matrix product in the same
run, which is printed in any case. A backward pass to pixels counts as one pass; what an attack does besides
its passes counts as nothing. `memory allows` is the share of the peak at which the card's memory would be
busy without a pause, if each convolution read its input and wrote its output once, all else being free.
`fed` compares ways in which batches of pixels come from a dataset to the device to be scored.
"""

import copy
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from iqabench import create_attack, create_model  # noqa: E402
from iqabench.attacks.tools.objectives import ascend  # noqa: E402
from iqabench.bench.core.configuration.values import Precision  # noqa: E402
from iqabench.bench.datasets import framing  # noqa: E402
from iqabench.bench.datasets.base import Dataset  # noqa: E402
from iqabench.bench.datasets.framing import FramedPixels, Framing  # noqa: E402
from iqabench.bench.datasets.pixels import to_float  # noqa: E402
from iqabench.bench.datasets.prefetch import prefetched  # noqa: E402
from iqabench.bench.sweep.engines.folding import ready_to_score  # noqa: E402
from iqabench.bench.training.precision import precision_on, tf32_where  # noqa: E402
from iqabench.benchmarks.auto import Counted as Forwarded  # noqa: E402
from iqabench.models.adapted.adapter import Adapter  # noqa: E402

PRECISIONS: tuple[Precision, ...] = ("bf16", "tf32", "fp32")  # the slowest last
FORWARD_FLOPS = 2 * 4.09e9 / 224**2  # a pixel of ResNet-50: 4.09 G multiply-adds at 224 px (He et al. 2016)
DRAWN, FED = 64, 1024  # images that are drawn, and scored on a card to see how fast they come
PEAKS = {  # TFLOP/s without sparsity in bfloat16, TF32 and float32, of the makers' data sheets
    "H100 PCIe": (756, 378, 51),
    "H100": (989.4, 494.7, 67),
    "H200": (989.4, 494.7, 67),
    "A100": (312, 156, 19.5),
    "L40S": (362, 183, 91.6),
    "L4": (121, 60, 30.3),
}


class Counted(Forwarded):
    """A model that counts its passes; a backward pass to pixels costs as much as a forward pass."""

    def _count_backward(self, gradient: Tensor) -> None:
        self.passes += len(gradient)


def measure_precision(
    model: nn.Module,
    precision: Precision,
    batch_sizes: Sequence[int],
    image_size: int,
    rounds: int,
    side: int,
) -> Iterator[str]:
    """Yield a line for clean scoring, FGSM, PGD-10 and `auto` at its quick budget, at each batch size.

    Args:
        model: Made ready for this precision, on the device.
        precision: Of the passes.
        batch_sizes: Images in a batch.
        image_size: Pixels along each side of an image.
        rounds: Times that each piece of work is timed; the median counts.
        side: Rows and columns of the matrices whose product measures what can be reached.
    """
    device = next(model.parameters()).device
    product = product_peak(device, precision, side, rounds)
    peak = maker_peak(device, precision) or product
    yield (
        f"{precision}: a matrix product reaches {product / 1e12:.3g} TFLOP/s; the peak is {peak / 1e12:.4g}; "
        f"memory allows {memory_bound(model, precision, image_size, peak, rounds):.0%} of it"
    )
    searched = Adapter(model, precision="bf16").to(device) if precision == "bf16" else model
    counted = Counted(searched)
    for size in batch_sizes:
        images, labels = batch(device, size, image_size)
        for what, work in works(counted, images, labels):
            with tf32_where(precision):
                seconds = seconds_of(work, device, 1 if what == "auto, quick" else rounds)
                counted.passes = 0
                work()
            passes = counted.passes / size
            share = size * passes * FORWARD_FLOPS * image_size**2 / seconds / peak
            yield (
                f"{precision}: {what}, batch {size}: {size / seconds:.4g} images/s, {passes:.0f} passes, "
                f"{share:.1%} of peak"
            )


def measure_compiling(model: nn.Module, precision: Precision, size: int, image_size: int, rounds: int) -> str:
    """Return a line on what torch.compile takes and gives for PGD-10; the model stays compiled."""
    device = next(model.parameters()).device
    images, labels = batch(device, size, image_size)
    searched = Adapter(model, precision="bf16").to(device) if precision == "bf16" else model
    with tf32_where(precision):
        plain = seconds_of(attacked("pgd", searched, images, labels), device, rounds)
        model.compile()
        began = perf_counter()
        seconds_of(attacked("fgsm", searched, images, labels), device, 1)
        compiling = perf_counter() - began
        compiled = seconds_of(attacked("pgd", searched, images, labels), device, rounds)
    gained = (plain - compiled) / size
    even = f"pays after {compiling / gained:,.0f} images" if gained > 0 else "does not pay"
    return (
        f"{precision}: compiled, PGD-10, batch {size}: {size / compiled:.4g} images/s, "
        f"{plain / compiled:.2f} x as fast after {compiling:.0f} s: {even}"
    )


def measure_feeding(model: nn.Module, precision: Precision, size: int, image_size: int, rounds: int) -> str:
    """Return a line on clean scoring from a dataset's pixels, by the way in which they reach the device."""
    device = next(model.parameters()).device
    scoring = Adapter(model, precision="bf16").to(device) if precision == "bf16" else model
    batches = math.ceil((FED if device.type == "cuda" else 2 * size) / size)
    rows = [
        [place % DRAWN for place in range(start, start + size)] for start in range(0, batches * size, size)
    ]

    def score_all(crops: Iterable[Tensor]) -> None:
        for crop in crops:
            score(scoring, to_float(crop, device))

    with tempfile.TemporaryDirectory() as folder:
        pixels = drawn_pixels(Path(folder), image_size)
        there = to_float(pixels.test_batch(rows[0]), device)

        def unpinned() -> None:
            with patch.object(framing, "memory_for", partial(torch.empty, dtype=torch.uint8)):
                score_all(prefetched(map(pixels.test_batch, rows), device))

        ways: dict[str, Callable[[], object]] = {
            "already on the device": lambda: [score(scoring, there) for _ in rows],
            "read in turn, pinned": lambda: score_all(map(pixels.test_batch, rows)),
            "read ahead": unpinned,
            "read ahead and pinned": lambda: score_all(prefetched(map(pixels.test_batch, rows), device)),
        }
        with tf32_where(precision):
            times = {way: seconds_of(work, device, rounds) for way, work in ways.items()}
    told = ", ".join(f"{way} {size * batches / seconds:.4g}" for way, seconds in times.items())
    return f"{precision}: fed, clean scoring, batch {size}, images/s: {told}"


def drawn_pixels(folder: Path, side: int) -> FramedPixels:
    """Draw images, and return their pixels as a sweep reads them."""
    generator = np.random.default_rng(0)
    paths = [f"{number}.png" for number in range(DRAWN)]
    for path in paths:
        coarse = generator.integers(256, size=(side // 8, side // 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, side)).save(folder / path, compress_level=1)
    table = pd.DataFrame({"path": paths, "scene": paths, "distortion": "", "quality": 0.5})
    dataset = Dataset("drawn", folder, table, 0.0, 1.0, False, 0)
    return FramedPixels.open(dataset, Framing.of("resize", side), folder)


def memory_bound(model: nn.Module, precision: Precision, image_size: int, peak: float, rounds: int) -> float:
    """Return the share of the peak at which a pixel gradient would keep the card's memory busy.

    Forward each convolution reads its input and writes its output. Backward it reads the gradient of its
    output and the output itself, for the sign of what follows, and writes the gradient of its input.
    """
    device = next(model.parameters()).device
    values = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal values
        values += 2 * inputs[0].numel() + 3 * output.numel()

    hooks = [part.register_forward_hook(count) for part in model.modules() if isinstance(part, nn.Conv2d)]
    score(model, batch(device, 1, image_size)[0])
    for hook in hooks:
        hook.remove()
    block = torch.empty(1 << (30 if device.type == "cuda" else 24), dtype=torch.uint8, device=device)
    copied = 2 * block.numel() / seconds_of(lambda: block.clone(), device, rounds)
    moving = values * (2 if precision == "bf16" else 4) / copied
    computing = 2 * FORWARD_FLOPS * image_size**2 / peak
    return min(1.0, computing / moving)


def agreement(device: torch.device, image_size: int, backbone: str) -> Iterator[str]:
    """Yield a line for scores, FGSM's images and the reach of APGD: how far the device is from the CPU."""
    images, labels = batch(torch.device("cpu"), 4, image_size)
    found = []
    for name in ("cpu", str(device)):
        torch.manual_seed(0)
        model = lively(create_model("resnet", backbone=backbone)).eval().requires_grad_(False).to(name)
        here, quality = images.to(name), labels.to(name)
        with torch.inference_mode():
            scores = model(here)
        fgsm = next(create_attack("fgsm").perturb(model, here, quality, [1 / 255]))
        apgd = create_attack("apgd", steps=20).perturb(model, here, quality, [1 / 255], objective=ascend)
        with torch.inference_mode():
            reached = model(next(apgd))
        found.append((scores.cpu(), (fgsm - here).sign().cpu(), reached.cpu()))
    (scores, signs, reached), (others, other_signs, other_reached) = found
    width = (reached - scores).abs().mean()
    yield f"agreement: scores differ by {(scores - others).abs().max():.1e} at most"
    yield f"agreement: FGSM moves {(signs == other_signs).float().mean():.2%} of the values alike"
    yield (
        f"agreement: APGD reaches scores that differ by {(reached - other_reached).abs().max():.1e} at most, "
        f"where it moves them by {width:.1e}"
    )


def lively(model: nn.Module) -> nn.Module:
    """Return an untrained model with all its branches at work.

    As it is drawn, a residual branch is scaled by zero; most pixels then have a gradient of zero, of which a
    GPU makes rounding errors, and their signs are noise.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
    return model


def works(model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name pieces of work and yield them: an attack is the search and the scoring of what it found."""
    yield "clean scoring", lambda: score(model, images)
    yield "FGSM", attacked("fgsm", model, images, labels)
    yield "PGD-10", attacked("pgd", model, images, labels)
    auto: Any = create_attack("auto", budget="quick")

    def interval() -> None:
        ends = next(auto.interval(model, images, [1 / 255]))
        for found in (ends.low_images, ends.high_images):
            score(model, found)

    yield "auto, quick", interval


def attacked(name: str, model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Return the work of attacking a batch and scoring what was found."""
    attack = create_attack(name)
    return lambda: score(model, next(attack.perturb(model, images, labels, [1 / 255])))


def score(model: nn.Module, images: Tensor) -> Tensor:
    """Return the scores (N,) of an inference pass."""
    with torch.inference_mode():
        scores: Tensor = model(images)
    return scores


def batch(device: torch.device, size: int, image_size: int) -> tuple[Tensor, Tensor]:
    """Return random images (N, 3, S, S) and labels (N,)."""
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(256, (size, 3, image_size, image_size), dtype=torch.uint8, generator=generator)
    return to_float(levels, device), torch.rand(size, generator=generator).to(device)


def product_peak(device: torch.device, precision: Precision, side: int, rounds: int) -> float:
    """Return the operations per second of a product of two square matrices."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    factors = torch.randn(2, side, side, device=device, dtype=kind)
    with tf32_where(precision):
        return 2 * side**3 / seconds_of(lambda: factors[0] @ factors[1], device, rounds)


def maker_peak(device: torch.device, precision: Precision) -> float | None:
    """Return the operations per second that a card's maker states, if it is in the list."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    known = next(
        (values for card, values in PEAKS.items() if all(part in name for part in card.split())), None
    )
    return known and known[PRECISIONS.index(precision)] * 1e12


def seconds_of(work: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Return the median time of a piece of work, in seconds."""
    times = []
    for number in range(rounds + 1):
        began = perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number:  # the first round is a warm-up
            times.append(perf_counter() - began)
    return median(times)


@click.command()
@click.option("--device", default="all", show_default=True, help="cpu, cuda:N, or all GPUs, at once.")
@click.option("--backbone", default="resnet50", show_default=True)
@click.option("--batch-sizes", default="128", show_default=True)
@click.option("--image-size", default=320, show_default=True)
@click.option("--side", default=8192, show_default=True, help="Of the matrices that measure the peak.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--compile/--no-compile", "compiling", default=True, help="Also what torch.compile gives.")
def main(
    device: str, backbone: str, batch_sizes: str, image_size: int, side: int, rounds: int, compiling: bool
) -> None:
    """Count images per second."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "all" and not count:
        raise click.ClickException("torch finds no CUDA GPU here; use --device cpu")
    if device == "all" and count > 1:
        arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--device")]
        others = [
            subprocess.Popen([sys.executable, __file__, *arguments, "--device", f"cuda:{number}"])
            for number in range(count)
        ]
        sys.exit(max(other.wait() for other in others))
    place = torch.device("cuda:0" if device == "all" else device)
    name = torch.cuda.get_device_name(place) if place.type == "cuda" else "CPU"
    click.echo(f"gpu: {place}, {name}, torch {torch.__version__}, {backbone}, {image_size} px")
    for line in agreement(place, min(image_size, 96), backbone):
        click.echo(line)
    torch.manual_seed(0)
    model = lively(create_model("resnet", backbone=backbone)).eval().to(place)
    sizes = [int(size) for size in batch_sizes.split(",")]
    for precision in PRECISIONS:
        if precision_on(place, precision) != precision:
            click.echo(f"{precision}: no instructions for it here")
            continue
        ready = ready_to_score(copy.deepcopy(model), batch(place, 2, image_size)[0], precision)
        for line in measure_precision(ready, precision, sizes, image_size, rounds, side):
            click.echo(line)
        click.echo(measure_feeding(ready, precision, sizes[-1], image_size, rounds))
        if compiling:
            click.echo(measure_compiling(ready, precision, sizes[-1], image_size, rounds))


if __name__ == "__main__":
    main()
