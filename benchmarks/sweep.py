"""Shows how fast the sweep is, each claim as a ratio or a figure measured in one run.

    python benchmarks/sweep.py                 # everything, about a quarter of an hour on two cores
    python benchmarks/sweep.py floor default   # only those

1. floor: the time of a sweep against the raw forward and backward passes it cannot avoid.
2. default: `iqabench run` from nothing, and a second time.
3. memory: peak memory of a sweep over as many images at 320 pixels as KonIQ-10k has.
"""

import copy
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from iqabench import load_settings, results_table, run_sweep
from iqabench.bench.core.config import Settings
from iqabench.bench.core.registry import load_plugin
from iqabench.bench.sweep.engines.folding import folded, ready_to_score
from iqabench.bench.sweep.job import Job
from iqabench.bench.sweep.plan import plan_attacks, plan_models
from iqabench.bench.sweep.planning.datasets import plan_datasets

EPSILONS = [1.0, 2.0, 4.0, 8.0]
IMAGES = 120  # that `floor` attacks with the demo's model
LARGE = 24  # that it attacks with ResNet-50
TRAINED_ON = 16  # of a drawn database
DATABASE = 10_073  # images of KonIQ-10k
MODEL = """
import torch
from torch import nn
import iqabench
from iqabench.models.resnet import ResNet


@iqabench.register_model("small")
class Small(nn.Module):
    recipe = "none"

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 7, stride=4), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.ReLU()
        )
        self.head = nn.Linear(8, 1)

    def forward(self, images):
        return torch.sigmoid(self.head(self.body(images - 0.5).mean(dim=(2, 3)))).squeeze(1)


@iqabench.register_model("large")
class Large(ResNet):
    recipe = "none"

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(backbone="resnet50", pretrained=False)
"""


def floor(config: Path | None, rounds: int) -> None:
    """Compare a whole sweep with its unavoidable passes, in turn; the weights stored and the pixels decoded.

    Both are measured in the processor time of one thread, which other processes change least. The passes are
    those of the model with batch normalisation folded, once with torch's own gradient of the first
    convolution and once with the faster one that a sweep has on a CPU.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        run = {"models": ["resnet"], "attacks": ["fgsm", "pgd"], "epsilons": EPSILONS, "limit": IMAGES}
        demo = load_settings(config, profile="demo", overrides={"run": run, "training": {"epochs": 1}})
        _floor(f"{demo.run.image_size} px, the demo's ResNet", demo, Path(folder) / "demo", rounds)
        if config is None:
            _draw_database(Path(folder), TRAINED_ON + LARGE)
            (Path(folder) / "plugin.py").write_text(MODEL)
            load_plugin(Path(folder) / "plugin.py")
            run |= {"models": ["large"], "datasets": [f"{folder}/drawn.csv"], "epsilons": EPSILONS[:1]}
            paper = load_settings(None, profile="paper", overrides={"run": run})
            _floor(f"{paper.run.image_size} px, ResNet-50", paper, Path(folder) / "paper", rounds)
    torch.set_num_threads(threads)


def _floor(what: str, settings: Settings, results: Path, rounds: int) -> None:
    run_sweep(settings, results, show=False)
    (model_of_sweep,) = plan_models(settings)
    job = Job(
        plan_datasets(settings, results, model_of_sweep.framing)[0][0],
        model_of_sweep,
        plan_attacks(settings),
        None,
        settings.run.seed[0],
        settings,
        results,
    )
    model = job.model.build_empty()  # whose weights take as long as trained ones
    model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    few = torch.rand(2, 3, settings.run.image_size, settings.run.image_size)
    kinds = {
        "as torch computes them": _passes_of_a_sweep(job, folded(model, few)),
        "as the sweep computes them": _passes_of_a_sweep(job, ready_to_score(copy.deepcopy(model), few)),
    }
    ratios: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        shutil.rmtree(results / "cells")
        seconds = _processor_seconds(lambda: run_sweep(settings, results, show=False))
        for kind, passes in kinds.items():
            ratios[kind].append(seconds / _processor_seconds(passes))
    for kind, found in ratios.items():
        click.echo(
            f"floor, {what}: sweep / unavoidable passes {kind}: {np.median(found):.2f} x "
            f"(target: at most 1.05 x; rounds: {', '.join(f'{ratio:.2f}' for ratio in found)})"
        )


def _passes_of_a_sweep(job: Job, model: nn.Module) -> Callable[[], None]:
    """The forward and backward passes alone, on random pixels that are in memory already."""
    size, count = job.settings.run.image_size, len(job.data.test_rows)
    pixels = torch.rand(count, 3, size, size).contiguous(memory_format=torch.channels_last)
    batches = torch.split(pixels, job.batch_size)
    epsilons = len(job.settings.run.epsilons)
    steps = job.settings.attacks["pgd"]["steps"]

    def forwards(batch: torch.Tensor, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                model(batch)

    def gradients(batch: torch.Tensor, times: int) -> None:
        pixels = batch.clone().requires_grad_()
        for _ in range(times):
            torch.autograd.grad(model(pixels).sum(), pixels)

    def run() -> None:
        for batch in batches:
            forwards(batch, 1)  # clean
            gradients(batch, 1)  # FGSM, shared by all epsilons
            forwards(batch, epsilons)
            gradients(batch, epsilons * steps)  # PGD
            forwards(batch, epsilons)

    return run


def default(config: Path | None) -> None:
    """Time `iqabench run` from nothing, the built-in dataset included, then once more."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}
        command = [
            sys.executable, "-m", "iqabench", "run", "--epsilons", "1,2,4,8",
            "--results", f"{folder}/results", *(["--config", str(config.resolve())] if config else []),
        ]  # fmt: skip
        for what, target in (("from nothing", 360), ("a second time", 15)):
            seconds = _seconds(lambda: subprocess.run(command, env=environment, cwd=folder, check=True))
            click.echo(f"default: `iqabench run` {what}: {seconds:.0f} s (target: within {target} s)")
        _show_the_phenomenon(Path(folder) / "results")


def _show_the_phenomenon(results: Path) -> None:
    """Checks what the default sweep shows: an attack ruins a good model, noise of its size does not."""
    table = results_table(results)
    resnet = table[table["model"] == "resnet"].set_index(["attack", "epsilon"])["srocc"]
    clean, attacked, noisy = resnet["none", 0.0], resnet["fgsm", 2.0], resnet["noise", 2.0]
    click.echo(f"default: ResNet's clean SROCC {clean:.3f} (target: at least 0.85)")
    click.echo(f"default: FGSM at 2/255 takes {clean - attacked:.3f} from it (target: at least 0.5)")
    click.echo(f"default: noise of that size takes {clean - noisy:.4f} (target: less than 0.03)")


def memory(images: int) -> None:
    """Measure the peak memory of training nothing and sweeping a drawn database with one small model."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "small.py").write_text(MODEL)
        _draw_database(folder, images)
        command = [
            sys.executable, "-m", "iqabench", "run", "--profile", "paper",
            "--plugin", str(folder / "small.py"), "--models", "small",
            "--datasets", str(folder / "drawn.csv"), "--attacks", "fgsm,pgd", "--epsilons", "1",
            "--results", str(folder / "results"),
        ]  # fmt: skip
        subprocess.run(command, cwd=folder, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    click.echo(f"memory: {images} images at 320 px: peak {peak:.2f} GiB (target: under 3 GiB)")


def _draw_database(folder: Path, images: int) -> None:
    """Write images of 427 x 320, all but a few of them to be scored."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir()
    rows = []
    for index in range(images):
        small = generator.integers(0, 256, (8, 11, 3), dtype=np.uint8)
        path = f"images/{index}.jpg"
        Image.fromarray(small).resize((427, 320), Image.Resampling.BICUBIC).save(folder / path)
        rows.append(
            {"path": path, "score": generator.random(), "split": "train" if index < TRAINED_ON else "test"}
        )
    pd.DataFrame(rows).to_csv(folder / "drawn.csv", index=False)


def _processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


CLAIMS = ("floor", "default", "memory")


@click.command()
@click.argument("claims", nargs=-1, type=click.Choice(CLAIMS))
@click.option("--config", type=click.Path(path_type=Path), help="Configuration for `floor` and `default`.")
@click.option("--images", default=DATABASE, show_default=True, help="Size of the database of `memory`.")
@click.option("--rounds", default=3, show_default=True, help="Sweeps of `floor`.")
def main(claims: tuple[str, ...], config: Path | None, images: int, rounds: int) -> None:
    """Measure the CLAIMS, or all of them."""
    for claim in claims or CLAIMS:
        if claim == "floor":
            floor(config, rounds)
        elif claim == "default":
            default(config)
        else:
            memory(images)


if __name__ == "__main__":
    main()
