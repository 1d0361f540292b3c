"""Shows how a sweep is divided among many workers, with work that sleeps as long as a GPU would compute.

    python benchmarks/scale.py                          # everything, about 40 minutes
    python benchmarks/scale.py workers cell             # only those
    python benchmarks/scale.py plan --cells 1000        # a smaller plan

1. workers: the wall time of one sweep on 1, 2, 4 and 8 workers of a Ray cluster on this machine, which have
   started before.
2. cell: what the engine adds to a cell, in comparison with the local engine, both without sleep.
3. plan: a plan of 100,000 cells on a cluster, killed halfway and finished by the same command, with the
   peak memory of the process that plans. The cells are only marked as done; planning, locks, sending and
   counting are real.
4. array: 8 plain `iqabench run` at one store at once, as of a job array of Slurm.
"""

import os

os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "disabled",
}
os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd
from PIL import Image

from iqabench import load_settings, run_sweep
from iqabench.bench.core import registry
from iqabench.bench.core.config import Settings
from iqabench.bench.store.cell import Cell
from iqabench.bench.store.cell_file import Scores
from iqabench.bench.store.metric_cache import CellMetrics
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.engines.cluster import run_on_cluster
from iqabench.bench.sweep.engines.pool import Pool
from iqabench.bench.sweep.engines.prepared import Sweep
from iqabench.bench.sweep.engines.remote import Order, Outcome, Report, Task

IMAGES, ATTACKS = 4, 3
CELLS_OF_A_MODEL = 1 + ATTACKS
PLUGIN = """
import os, time
import torch
from torch import nn
import iqabench


@iqabench.register_model("sleeping")
class Sleeping(nn.Module):
    recipe = "none"

    def __init__(self, number: int = 0, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.register_buffer("number", torch.tensor([float(number)]))

    def forward(self, images):
        scores = images.mean((1, 2, 3))
        if len(images) == IMAGES and self.seconds:
            began = time.time()
            time.sleep(self.seconds)
            if log := os.environ.get("SCALE_LOG"):
                with open(log, "a") as file:
                    file.write(f"{os.getpid()} {began} {time.time()}\\n")
        return scores
""".replace("IMAGES", str(IMAGES))


def write_sweep(
    folder: Path, models: int, seconds: float, *, attacks: int = ATTACKS, epsilons: int = 1
) -> Path:
    """Write images, a plugin and the configuration of a sweep; return the latter's path.

    Args:
        folder: Where to.
        models: How many models, each with a cell of clean scores and those of the attacks.
        seconds: That a cell sleeps.
        attacks: Number of attacks, noise each.
        epsilons: Number of cells of an attack.
    """
    folder.mkdir()
    generator = np.random.default_rng(0)
    for index in range(IMAGES):
        Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    rows = {"path": [f"{index}.png" for index in range(IMAGES)], "score": np.linspace(0, 1, IMAGES)}
    pd.DataFrame({**rows, "split": "test"}).to_csv(folder / "drawn.csv", index=False)
    (folder.parent / "sleeping.py").write_text(PLUGIN)
    names = [f"noise{number}" for number in range(attacks)]
    tables = "".join(f"[attacks.{name}]\nlike = 'noise'\nseed = {at}\n" for at, name in enumerate(names))
    (folder / "bench.toml").write_text(
        f"""
[run]
datasets = ["{folder / "drawn.csv"}"]
models = ["sleeping"]
attacks = {names}
epsilons = {[*range(1, epsilons + 1)]}
image_size = 32
batch_size = {IMAGES}
device = "cpu"

[grid.sleeping]
number = {[*range(1, models + 1)]}
seconds = [{seconds}]

{tables}"""
    )
    return folder / "bench.toml"


def plugin_of(config: Path) -> Path:
    """Return the plugin of a sweep."""
    return config.parent.parent / "sleeping.py"


def settings_of(config: Path, engine: str) -> Settings:
    """Read the configuration, its plugin, too."""
    registry.load_plugin(plugin_of(config))
    return load_settings(config, overrides={"run": {"engine": engine}})


@contextmanager
def cluster_of(workers: int) -> Iterator[None]:
    """Start a cluster of this machine alone."""
    import ray

    ray.init(
        "local",
        num_cpus=workers,
        object_store_memory=80_000_000,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def workers(folder: Path, most: int, cells: int, seconds: float) -> None:
    """Time one sweep on more and more workers."""
    models = max(1, cells // CELLS_OF_A_MODEL)
    alone = 0.0
    for count in (number for number in (1, 2, 4, 8, 16) if number <= most):
        with cluster_of(count):
            warm = write_sweep(folder / f"warm{count}", 2 * count, 1.0)
            run_sweep(settings_of(warm, "ray"), folder / f"warm{count}" / "store", show=False)
            config = write_sweep(folder / f"on{count}", models, seconds)
            settings = settings_of(config, "ray")
            took = _seconds(partial(run_sweep, settings, config.parent / "store", show=False))
        alone = alone or took
        slept = models * CELLS_OF_A_MODEL * seconds
        click.echo(
            f"workers: {count}: {models * CELLS_OF_A_MODEL} cells of {seconds:g} s in {took:.1f} s, "
            f"{alone / took:.2f} x one worker, {slept / took / count:.1%} of their time in cells"
            + (" (target: at least 7.6 x)" if count == 8 else "")
        )


def processor_time() -> float:
    """Return the seconds of processor time that this process took."""
    return time.process_time()


def cell(folder: Path, cells: int) -> None:
    """Compare the processor time of a cell that does not sleep on the two engines."""
    import ray

    models = max(1, cells // CELLS_OF_A_MODEL)
    took = {}
    with cluster_of(1):
        of_worker = ray.remote(num_cpus=1)(processor_time)
        for engine in ("local", "ray"):
            warm = write_sweep(folder / f"warm-{engine}", 1, 0.0)
            run_sweep(settings_of(warm, engine), warm.parent / "store", show=False)
            config = write_sweep(folder / engine, models, 0.0)
            settings = settings_of(config, engine)
            before = time.process_time() + ray.get(of_worker.remote())
            run_sweep(settings, config.parent / "store", show=False)
            took[engine] = time.process_time() + ray.get(of_worker.remote()) - before
    each = {engine: 1000 * seconds / (models * CELLS_OF_A_MODEL) for engine, seconds in took.items()}
    click.echo(
        f"cell: processor time of {each['ray']:.1f} ms on a cluster, {each['local']:.1f} ms in one process: "
        f"the engine adds {each['ray'] - each['local']:.1f} ms (target: below 10 ms)"
    )


class Marked(Store):
    """A store whose cells are only marked as done."""

    def has(self, cell: Cell) -> bool:
        """Return whether the cell is marked."""
        return mark_of(self.root, cell.key).exists()


def mark_of(root: Path, key: str) -> Path:
    """Return the file that marks a cell as done."""
    return root / "done" / key[:2] / key


def mark(key: str, order: Callable[[], Order], task: Task, report: Report) -> Outcome:
    """Mark the cells of a task as done: what a worker does instead of measuring."""
    root = _ROOT.get(key) or _ROOT.setdefault(key, order().results)
    for cell_key in task.keys:
        path = mark_of(root, cell_key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Outcome(shown={"none": 0.0}, metrics={cell_key: deepcopy(METRICS) for cell_key in task.keys})


METRICS = CellMetrics.of(Scores(("a", "b", "c"), np.array([0, 0.5, 1]), np.array([0.1, 0.2, 0.9])), 0)
"""Metrics of three images, which every cell sends as if they were its own."""

_ROOT: dict[str, Path] = {}


def plan(folder: Path, cells: int, count: int) -> None:
    """Plan a sweep, kill it halfway, and finish it."""
    attacks, epsilons = 12, 8
    models = max(2, round(cells / (1 + attacks * epsilons)))
    total = models * (1 + attacks * epsilons)
    config = write_sweep(folder / "plan", models, 0.0, attacks=attacks, epsilons=epsilons)
    command = [sys.executable, __file__, "--plan", str(config), "--workers", str(count)]

    def done() -> int:
        return sum(1 for _ in (config.parent / "store" / "done").glob("*/*"))

    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while done() < total / 2 and process.poll() is None:
        time.sleep(0.5)
    process.kill()
    process.wait()
    killed, half = time.perf_counter() - began, done()
    began = time.perf_counter()
    peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seconds = time.perf_counter() - began
    if done() != total:
        raise click.ClickException(f"{done()} of {total} cells are marked")
    click.echo(
        f"plan: {total} cells of {models} models: killed with {half} done after {killed:.0f} s, finished in "
        f"{seconds:.0f} s more; peak memory {peak:.2f} GiB (target: below 2 GiB)"
    )


def run_plan(config: Path, count: int) -> None:
    """Run the simulated sweep of `plan` in this process."""
    settings = settings_of(config, "ray")
    results = config.parent / "store"
    with cluster_of(count):
        from iqabench.benchmarks.scale import mark as by_name  # which workers import, too

        pool = Pool(settings, by_name)
        sweep = Sweep.prepare(settings, results)
        sweep.store = Marked(results)
        pool.give(Order(settings, results, Path.cwd(), (), None))
        run_on_cluster(sweep, pool, score=True, show=False)
    click.echo(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)  # GiB


def array(folder: Path, count: int, cells: int, seconds: float) -> None:
    """Start plain processes at one store, and see how much of their time is spent in cells."""
    models = max(1, cells // CELLS_OF_A_MODEL)
    config = write_sweep(folder / "array", models, seconds)
    log = folder / "array" / "log.txt"
    command = [
        *(sys.executable, "-m", "iqabench", "run", "--quiet", "--config", str(config)),
        *("--plugin", str(plugin_of(config)), "--results", str(config.parent / "store")),
    ]
    environment = {**os.environ, "SCALE_LOG": str(log)}
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(count)]
    if any(process.wait() for process in processes):
        raise click.ClickException("a process ended with an error")
    slept = pd.read_csv(log, sep=" ", names=["process", "began", "ended"])
    all_at_work, end = slept.groupby("process")["began"].min().max(), slept["ended"].max()
    inside = slept["ended"].clip(lower=all_at_work) - slept["began"].clip(lower=all_at_work)
    took = (end - all_at_work) * slept["process"].nunique()
    times = len(slept) / (models * CELLS_OF_A_MODEL)
    click.echo(
        f"array: {len(slept)} cells of {seconds:g} s by {slept['process'].nunique()} of {count} processes, "
        f"each cell {times:g} times: in the {end - all_at_work:.0f} s since all had begun "
        f"{1 - inside.sum() / took:.1%} of their time is lost (target: at most 5%)"
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


CLAIMS = ("workers", "cell", "plan", "array")


@click.command()
@click.argument("claims", nargs=-1, type=click.Choice(CLAIMS))
@click.option("--workers", "count", default=8, show_default=True, help="Most workers or processes.")
@click.option("--cells", type=int, help="Number of cells. Default: 240; 400 for `cell`, 100,000 for `plan`.")
@click.option("--seconds", default=4.0, show_default=True, help="That a cell of `workers` or `array` sleeps.")
@click.option("--plan", "planned", type=click.Path(path_type=Path), hidden=True)
def main(
    claims: tuple[str, ...], count: int, cells: int | None, seconds: float, planned: Path | None
) -> None:
    """Measure the CLAIMS, or all of them."""
    if planned:
        run_plan(planned, count)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for claim in claims or CLAIMS:
            if claim == "workers":
                workers(folder, count, cells or 240, seconds)
            elif claim == "cell":
                cell(folder, cells or 400)
            elif claim == "plan":
                plan(folder, cells or 100_000, min(count, 2))
            else:
                array(folder, count, cells or 240, seconds)


if __name__ == "__main__":
    main()
