"""Images per second of one device that several processes share, as `iqabench run --workers N` does.

    python benchmarks/together.py                                  # ResNet-18 at 224 px, batch 16
    python benchmarks/together.py --device cpu --workers 1 --seconds 1

Each process attacks batches by PGD-10 and scores what it found. They begin together, when all are ready, and
images are counted for as many seconds.
"""

import subprocess
import sys
from time import perf_counter

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import torch  # noqa: E402

from iqabench import create_model  # noqa: E402
from iqabench.bench.sweep.engines.folding import ready_to_score  # noqa: E402
from iqabench.benchmarks.gpu import attacked, batch, lively  # noqa: E402


def images_per_second(
    device: torch.device, backbone: str, batch_size: int, image_size: int, seconds: float
) -> float:
    """Be one of the processes: say that it is ready, wait for a line, and attack for so many seconds."""
    torch.manual_seed(0)
    model = lively(create_model("resnet", backbone=backbone)).eval().to(device)
    images, labels = batch(device, batch_size, image_size)
    work = attacked("pgd", ready_to_score(model, images[:2], "fp32"), images, labels)
    work()
    print("ready", flush=True)
    sys.stdin.readline()
    done, began = 0, perf_counter()
    while (passed := perf_counter() - began) < seconds:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        done += batch_size
    return done / passed


def together(workers: int, arguments: list[str]) -> float:
    """Return the images per second of so many processes together."""
    others = [
        subprocess.Popen(
            [sys.executable, __file__, *arguments, "--one"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    for other in others:
        if other.stdout is None or other.stdout.readline() != "ready\n":
            for process in others:
                process.kill()
            raise click.ClickException("a process ended before it was ready")
    for other in others:
        if other.stdin:
            other.stdin.write("\n")
            other.stdin.flush()
    return sum(float(other.communicate()[0]) for other in others)


@click.command()
@click.option("--device", default="cuda", show_default=True)
@click.option("--backbone", default="resnet18", show_default=True)
@click.option("--batch-size", default=16, show_default=True)
@click.option("--image-size", default=224, show_default=True)
@click.option("--workers", default="1,2,4", show_default=True, help="Numbers of processes.")
@click.option("--seconds", default=5.0, show_default=True)
@click.option("--one", is_flag=True, hidden=True)
def main(
    device: str, backbone: str, batch_size: int, image_size: int, workers: str, seconds: float, one: bool
) -> None:
    """Count images per second."""
    place = torch.device(device)
    if one:
        print(images_per_second(place, backbone, batch_size, image_size, seconds))
        return
    name = torch.cuda.get_device_name(place) if place.type == "cuda" else "CPU"
    click.echo(f"{name}, torch {torch.__version__}, {backbone}, {image_size} px, batch {batch_size}")
    arguments = ["--device", device, "--backbone", backbone, "--batch-size", str(batch_size)]
    arguments += ["--image-size", str(image_size), "--seconds", str(seconds)]
    alone = 0.0
    for number in map(int, workers.split(",")):
        found = together(number, arguments)
        alone = alone or found
        click.echo(f"{number} processes: PGD-10, {found:.4g} images/s, {found / alone:.2f} x the first")


if __name__ == "__main__":
    main()
