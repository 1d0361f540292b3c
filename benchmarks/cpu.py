"""What the settings of `bench/core/process.py` are worth: pixel gradients with and without each, in turn.

    python benchmarks/cpu.py

The network has the convolutions of a ResNet-10 of half the width, the backbone of the default profile. The
setting of threads counts only when torch is imported, so each measurement of it is a process of its own.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from statistics import median

import click

TIMED = """
import sys, time, torch
from torch import nn
from iqabench.bench.core.process import _keep_freed_memory

def convolution(before, after, stride, size=3):
    layer = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    return [layer, nn.BatchNorm2d(after), nn.ReLU()]

layers = [*convolution(3, 32, 2, 7), nn.MaxPool2d(3, 2, 1)]
for before, after, stride in [(32, 32, 1), (32, 64, 2), (64, 128, 2), (128, 256, 2)]:
    layers += [*convolution(before, after, stride), *convolution(after, after, 1)]
model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 1))
model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
pixels = torch.rand(int(sys.argv[1]), 3, 96, 96).to(memory_format=torch.channels_last).requires_grad_()

def seconds():
    for repeat in range(6):
        if repeat == 1:
            began = time.perf_counter()
        torch.autograd.grad(model(pixels).sum(), pixels)
    return time.perf_counter() - began

print(seconds())
_keep_freed_memory()
print(seconds())
"""
SOON = {"GOMP_SPINCOUNT": "1000"}
COMPANY = ("alone", "beside another busy process")


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--batch-size", default=50, show_default=True)
@click.option("--company", type=click.Choice(COMPANY), help="Default: both.")
def main(rounds: int, batch_size: int, company: str | None) -> None:
    """Print median ratios of times."""
    for what in [company] if company else COMPANY:
        with nullcontext() if what == "alone" else _busy_process():
            times = [(_seconds(batch_size, {}), _seconds(batch_size, SOON)) for _ in range(rounds)]
        kept = median(returned / kept for (returned, kept), _ in times)
        soon = median(spinning / soon for (_, spinning), (_, soon) in times)
        click.echo(f"cpu: {kept:.2f} x as fast when freed memory is kept, {what}")
        click.echo(f"cpu: {soon:.2f} x as fast when threads give way soon, {what}")


def _seconds(batch_size: int, environment: dict[str, str]) -> tuple[float, float]:
    """Time a process of its own, first as it is, then with freed memory kept."""
    command = [sys.executable, "-c", TIMED, str(batch_size)]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **environment})
    first, second = map(float, done.stdout.split())
    return first, second


@contextmanager
def _busy_process() -> Iterator[None]:
    process = multiprocessing.Process(target=_spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
