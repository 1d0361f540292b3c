"""Times `iqabench report` over a large store: the first time and again, with its peak memory.

    python benchmarks/report.py                              # 10,000 cells of 2,000 images
    python benchmarks/report.py --cells 300 --images 500     # a smaller store
    python benchmarks/report.py --keep STORE                 # a store to use again
    python benchmarks/report.py --keep STORE --warm          # with the metrics that are in its cache

The scores are drawn: labels plus noise that grows with epsilon, no model is run. A store holds four
databases, seven models, seeds, FGSM and PGD at eight strengths and without attack, and variants of CPRL over
b. "cold" has no cache of metrics and computes them all, with 1,000 resamples each; "warm" comes after it.
Each report is a process of its own. Beside the wall time stands the time of the processors: on a machine
that does other things too, it is the one to compare.
"""

import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from iqabench.bench.store.cell import Cell
from iqabench.bench.store.store import Store
from iqabench.reports.published import paper_datasets, paper_models

EPSILONS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
CONDITIONS = [("none", 0.0), *itertools.product(("fgsm", "pgd"), EPSILONS)]
BIASES = (0.0, 0.1, 0.2, 0.3, 0.4)
READINGS = ("suppress_top", "literal")


def drawn_store(fabricate: Callable[[Path, int, int], None], cells: int, images: int, store: Path) -> Path:
    """Return a store, drawn unless an earlier run kept it; say how long that took.

    Args:
        fabricate: Draws a store into a folder, of so many cells of so many images.
        cells: Number of cells.
        images: Number of images of each.
        store: The folder.
    """
    if not (store / "cells").exists():
        start = time.monotonic()
        fabricate(store, cells, images)
        click.echo(f"store of {cells} cells of {images} images drawn in {time.monotonic() - start:.0f} s")
    return store


@click.command()
@click.option("--cells", default=10_000, show_default=True)
@click.option("--images", default=2_000, show_default=True, help="Of each cell.")
@click.option("--format", "forms", default="html", show_default=True, help="Of the report; several: A,B.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Folder of the store; used again if it is there."
)
@click.option("--warm", is_flag=True, help="Leave out the first report, which computes all metrics.")
def main(cells: int, images: int, forms: str, keep: Path | None, warm: bool) -> None:
    """Build a store and time reports over it."""
    with tempfile.TemporaryDirectory() as folder:
        store = drawn_store(fabricate, cells, images, keep or Path(folder) / "store")
        first, *_ = forms.split(",")
        if not warm:
            shutil.rmtree(store / "cache", ignore_errors=True)
            click.echo(timed_report(store, first, "cold", Path(folder)))
        for form in forms.split(","):
            click.echo(timed_report(store, form, "warm", Path(folder)))


def timed_report(store: Path, form: str, state: str, out: Path) -> str:
    """Run a report to its end; what it took, as a line."""
    command = [sys.executable, "-m", "iqabench", "report", "--format", form, "--results", str(store)]
    start = time.monotonic()
    process = subprocess.Popen([*command, "--out", str(out / form)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise click.ClickException(f"the report as {form} failed: {command}")
    written = sum(file.stat().st_size for file in (out / form).rglob("*") if file.is_file())
    return (
        f"{form:9} {state}: {wall:7.1f} s, of processors "
        f"{usage.ru_utime + usage.ru_stime:7.1f} s, peak memory {peak_mebibytes(usage):5.0f} MiB, "
        f"{written / 1e6:.1f} MB written"
    )


def fabricate(folder: Path, cells: int, images: int) -> None:
    """Write a store of drawn scores."""
    store, generator = Store(folder), np.random.default_rng(0)
    labels = {name: np.round(generator.random(images), 3) for name in paper_datasets()}
    frame = images_of(images)
    for number, cell in enumerate(itertools.islice(drawn_cells(), cells)):
        quality = labels[cell.dataset]
        noise = generator.normal(0, 0.15 + 0.1 * cell.epsilon, images)
        scores = np.clip(quality + noise, 0, 1).astype(np.float32)
        store.write(cell, frame.assign(quality=quality, score=scores), context_of(cell, number))


def images_of(images: int) -> pd.DataFrame:
    """Return names, scenes and distortions of images, a row of each."""
    return pd.DataFrame(
        {
            "image": [f"images/scene{i // 25:04d}_{i % 25:02d}.png" for i in range(images)],
            "scene": [f"scene{i // 25:04d}" for i in range(images)],
            "distortion": [("jpeg", "jp2k", "noise", "blur", "fading")[i % 5] for i in range(images)],
        }
    )


def drawn_cells() -> Iterator[Cell]:
    """Yield, seed by seed without end, every model on every database under every condition; CPRL over b."""
    for seed in itertools.count():
        for dataset in paper_datasets():
            for model, (attack, epsilon) in itertools.product(paper_models(), CONDITIONS):
                params = {"b": 0.4, "reading": "suppress_top", "pns_weight": 0.1} if model == "cprl" else {}
                yield _cell(dataset, model, "", params, seed, attack, epsilon)
            for b, reading, weight in itertools.product(BIASES, READINGS, (0.0, 0.1)):
                params = {"b": b, "reading": reading, "pns_weight": weight}
                variant = f"b={b},reading={reading},pns_weight={weight}"
                for attack, epsilon in (("none", 0.0), ("fgsm", 1.0)):
                    yield _cell(dataset, "cprl", variant, params, seed, attack, epsilon)


def _cell(
    dataset: str, model: str, variant: str, params: dict[str, Any], seed: int, attack: str, epsilon: float
) -> Cell:
    return Cell(
        dataset=dataset,
        dataset_digest=f"digest of {dataset}",
        pixels_digest=f"pixels of {dataset}",
        split_seed=0,
        split_digest=f"split of {dataset}",
        image_size=320,
        limit=None,
        model=model,
        variant=variant,
        model_params={"backbone": "resnet50", **params},
        model_source=None,
        weights=f"{dataset} {model} {variant} {seed}",
        regime="clean",
        seed=seed,
        batch_size=None,
        attack=attack,
        attack_params={"steps": 10, "step_size": 0.001} if attack == "pgd" else {},
        attack_source=None,
        epsilon=epsilon,
    )


def context_of(cell: Cell, number: int) -> dict[str, Any]:
    """Return the context of a drawn cell, as that of a sweep."""
    return {
        "versions": {"iqabench": "0.1.0", "torch": "2.11.0", "numpy": "2.4.0", "python": "3.11.9"},
        "created": f"2030-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000000+00:00",
        "command": "iqabench run --profile paper --datasets all --models all --attacks fgsm,pgd",
        "checkpoint": f"checkpoints/{cell.dataset}/{cell.model}-{cell.variant}-{cell.seed}.safetensors",
        "device": "cuda",
        "profile": "paper",
        "seconds": 1.5,
        "stand_in": False,
    }


def peak_mebibytes(usage: resource.struct_rusage) -> float:
    """Return the peak memory of a process in MiB."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
