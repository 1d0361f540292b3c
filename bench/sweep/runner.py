"""The sweep: datasets x models x attacks x epsilons, computing only what the store lacks.

What is computed where is the engine's affair. Jobs that share a dataset and a model run together: one
training, one load, and all epsilons of an attack in one call.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..core import registry
from ..core.config import Settings
from ..core.progress import Progress, Show
from .engines.cluster import JobsFailed, run_on_cluster
from .engines.local import run_here
from .engines.pool import Pool, connected
from .engines.prepared import Summary, Sweep
from .engines.remote import Order
from .job import Job
from .machine import choose_device, suited

__all__ = ["JobsFailed", "Summary", "run_sweep", "train_models", "trained_models"]


@torch.random.fork_rng()
def run_sweep(
    settings: Settings, results: Path, *, show: Show = True, save_images: Path | None = None
) -> Summary:
    """Compute every cell of the sweep that the store does not hold yet.

    Args:
        settings: What to sweep.
        results: The store's folder; checkpoints, splits and the pixel cache live there too.
        show: Whether to show progress on standard error; "lines": no bar, and no rehearsal for the time left.
        save_images: Folder for the adversarial images as PNG files with their scores. A cell that the store
            holds is computed once more where they are missing.

    Raises:
        UserError: something in configuration, data or weights is wrong; found before anything is trained.
        JobsFailed: with the engine "ray", some jobs ended with an error; all others are done.
    """
    return _run(settings, results, score=True, show=show, save_images=save_images)


@torch.random.fork_rng()
def train_models(settings: Settings, results: Path, *, show: bool = True) -> Summary:
    """Train the models of the sweep that have no weights yet; score nothing. Arguments as `run_sweep`."""
    return _run(settings, results, score=False, show=show)


@torch.random.fork_rng()
def trained_models(
    settings: Settings,
    results: Path,
    *,
    show: bool = True,
    check: bool = True,
    before: Callable[[Job], None] | None = None,
) -> list[tuple[Job, nn.Module]]:
    """Return the models of the sweep, each with its job, trained where they have no weights yet.

    They are on the device, in evaluation mode, their weights without gradients, batch normalisation folded.
    If not `check`, a model that brings its weights is not rehearsed, and not refused if it is at fault; one
    that has to be trained is in any case. `before` is called with each job before anything is trained. The
    other arguments are those of `run_sweep`.
    """
    device = choose_device(settings.run.device)
    sweep = _prepared(settings, results, device, check=check)
    if before:
        for job in sweep.jobs:
            before(job)
    worker = run_here(sweep, device, score=False, show=show)
    return [(job, worker.load(job)) for job in sweep.jobs]


def _run(
    settings: Settings, results: Path, *, score: bool, show: Show, save_images: Path | None = None
) -> Summary:
    if settings.run.engine == "ray":
        return _on_ray(settings, results, score=score, show=show, save_images=save_images)
    device = choose_device(settings.run.device)
    sweep = _prepared(settings, results, device, save_images=save_images)
    run_here(sweep, device, score=score, show=show)
    return sweep.summary


def _prepared(settings: Settings, results: Path, device: torch.device, **options: Any) -> Sweep:
    settings, notes = suited(settings, device)
    sweep = Sweep.prepare(settings, results, **options)
    sweep.notes = [*notes, *sweep.notes]
    return sweep


def _on_ray(
    settings: Settings, results: Path, *, score: bool, show: Show, save_images: Path | None
) -> Summary:
    results = results.absolute()
    results.mkdir(parents=True, exist_ok=True)
    pictures = save_images and save_images.absolute()
    order = Order(settings, results, Path.cwd(), tuple(registry.plugin_files()), pictures)
    with connected(settings.engine.address):
        pool = Pool(settings)
        settings, notes = pool.suited(order, Progress(show="lines" if show else False).line)
        sweep = Sweep.prepare(settings, results, save_images=pictures)
        sweep.notes = [*notes, *sweep.notes]
        pool.give(replace(order, settings=settings))
        run_on_cluster(sweep, pool, score=score, show=show)
    return sweep.summary
