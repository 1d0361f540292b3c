"""What the settings of `bench/core/process.py` are worth: pixel gradients with and without each, in turn.

python benchmarks/cpu.py
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
from iqabench import create_model
from iqabench.bench.core.process import _keep_freed_memory

if sys.argv[1] == "keep":
    _keep_freed_memory()
args = {"layers": [1, 1, 1, 1], "channels": [32, 64, 128, 256]}
model = create_model("resnet", backbone="resnet18", backbone_args=args).eval().requires_grad_(False)
model = model.to(memory_format=torch.channels_last)
pixels = torch.rand(50, 3, 96, 96).to(memory_format=torch.channels_last).requires_grad_()
for repeat in range(6):
    if repeat == 1:
        began = time.perf_counter()
    torch.autograd.grad(model(pixels).sum(), pixels)
print(time.perf_counter() - began)
"""


@click.command()
@click.option("--rounds", default=3, show_default=True)
def main(rounds: int) -> None:
    """Print median ratios of times."""
    kept = [_seconds("return", {}) / _seconds("keep", {}) for _ in range(rounds)]
    click.echo(f"cpu: {median(kept):.2f} x as fast when freed memory is kept")
    for what, company in (("alone", nullcontext), ("beside another busy process", _busy_process)):
        with company():
            soon = [
                _seconds("keep", {}) / _seconds("keep", {"GOMP_SPINCOUNT": "1000"}) for _ in range(rounds)
            ]
        click.echo(f"cpu: {median(soon):.2f} x as fast when threads give way soon, {what}")


def _seconds(memory: str, environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", TIMED, memory]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **environment})
    return float(done.stdout)


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
