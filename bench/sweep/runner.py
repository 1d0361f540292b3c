"""The sweep: datasets x models x attacks x epsilons, computing only what the store lacks.

The runner alone knows the loops. Jobs that share a dataset and a model run together: one training, one
load, and all epsilons of an attack in one call. A job is locked while it runs, so that processes that
share a store divide the work.
"""

import datetime
import platform
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout
from torch import nn

from ..core.config import Settings
from ..core.errors import UserError
from ..core.progress import Progress, progress_over
from ..core.version import __version__
from ..datasets.pixels import to_float
from ..statistics.metrics import RESAMPLES, srocc
from ..store.cell import Cell, digest
from ..store.cell_file import read_cell
from ..store.metric_cache import cell_metrics
from ..store.store import Store
from ..training.fit import Curve, TrainingRun, described, fit
from .folding import folded
from .job import PIXEL, Job
from .measure import Partial, TestData, measure
from .plan import CLEAN, PlannedAttack, check_tables, plan_attack, plan_attacks, plan_datasets, plan_models


@dataclass
class Summary:
    """What a sweep did: cells computed now, cells (or trained models) found done, models trained."""

    computed: int = 0
    found: int = 0
    trained: int = 0

    @property
    def total(self) -> int:
        """All cells of the sweep that are in the store."""
        return self.computed + self.found


@torch.random.fork_rng()
def run_sweep(settings: Settings, results: Path, *, command: str = "", show: bool = True) -> Summary:
    """Compute every cell of the sweep that the store does not hold yet.

    Args:
        settings: What to sweep.
        results: The store's folder; checkpoints, splits and the pixel cache live there too.
        command: To be remembered with each cell.
        show: Whether to show progress on standard error.

    Raises:
        UserError: something in configuration, data or weights is wrong; found before anything is trained.
    """
    sweep = _Sweep.prepare(settings, results, command)
    store = sweep.store
    total = sum(_training_images(job) + _scoring_images(job, store) for job in sweep.jobs)
    summary = sweep.run(sweep.score, total, show=show)
    sweep.evaluate()
    return summary


@torch.random.fork_rng()
def train_models(settings: Settings, results: Path, *, command: str = "", show: bool = True) -> Summary:
    """Train the models of the sweep that have no weights yet; score nothing. Arguments as `run_sweep`."""
    sweep = _Sweep.prepare(settings, results, command)
    return sweep.run(sweep.train, sum(_training_images(job) for job in sweep.jobs), show=show)


@torch.random.fork_rng()
def trained_models(
    settings: Settings, results: Path, *, command: str = "", show: bool = True
) -> list[tuple[Job, nn.Module]]:
    """The models of the sweep, trained where they have no weights yet, ready to score.

    Arguments as `run_sweep`.

    Returns:
        Each job with its model: in evaluation mode, its weights without gradients, batch normalisation
        folded, on the device.
    """
    sweep = _Sweep.prepare(settings, results, command)
    sweep.run(sweep.train, sum(_training_images(job) for job in sweep.jobs), show=show)
    return [(job, sweep.load(job)) for job in sweep.jobs]


def choose_device(name: str) -> torch.device:
    """The device to compute on.

    Raises:
        UserError: a GPU was asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA GPU here; use --device cpu or auto")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class _Sweep:
    """The loops over jobs and attacks, and what they share."""

    def __init__(self, jobs: list[Job], store: Store, device: torch.device, command: str) -> None:
        self.jobs = jobs
        self.store = store
        self.device = device
        self.command = command
        self.summary = Summary()
        self.progress = Progress(0, show=False)
        self._written: list[Path] = []  # cells
        self._warned: set[str] = set()  # titles of jobs whose scores leave [0, 1]

    @classmethod
    def prepare(cls, settings: Settings, results: Path, command: str) -> "_Sweep":
        """Resolve and check everything; nothing is trained or scored yet."""
        device = choose_device(settings.run.device)
        check_tables(settings)
        models, attacks, inner_attack = plan_models(settings), plan_attacks(settings), None
        if settings.run.regime == "adversarial":
            inner_attack = plan_attack(settings, settings.training.adversarial.attack).over_one_sample()
        jobs = [
            Job(data, model, attacks, inner_attack, seed, settings, results)
            for data in plan_datasets(settings, results)
            for model in models
            for seed in (settings.run.seed if model.fitted_by != "none" else settings.run.seed[:1])
        ]
        for job in jobs:
            if job.weights() is None:
                job.check_training_images()
        for job in {job.model.name: job for job in jobs}.values():
            if job.weights() is None or job.model.fitted_by == "none":
                job.check_model()  # what is wrong with a model shows now, not hours later
        return cls(jobs, Store(results), device, command)

    def run(self, work: Callable[[Job], None], total_images: float, *, show: bool) -> Summary:
        """Work through the jobs; one that another process is at is put off to the end."""
        waiting = deque((job, False) for job in self.jobs)
        with progress_over(total_images, show=show) as self.progress:
            while waiting:
                job, put_off = waiting.popleft()
                try:
                    with self._lock(job).acquire(timeout=-1 if put_off else 0):
                        work(job)
                except Timeout:
                    self.progress.line(f"{job.title}: another process is at it; going on with the next")
                    waiting.append((job, True))
        return self.summary

    def train(self, job: Job) -> None:
        """Train a job's model unless it has weights."""
        if job.weights() is None:
            self._train(job)
        else:
            self.summary.found += 1

    def score(self, job: Job) -> None:
        """Compute the cells of a job that the store lacks."""
        weights = job.weights() or self._train(job)
        model: nn.Module | None = None
        measured: dict[str, float] = {}
        for attack, cells in job.cells(weights):
            missing = [cell for cell in cells if not self.store.has(cell)]
            self.summary.found += len(cells) - len(missing)
            if not missing:
                continue
            model = model if model is not None else self.load(job)
            measured |= self._measure(job, model, attack, missing)
            self.summary.computed += len(missing)
        if measured:
            values = ", ".join(f"{name} {value:.3f}" for name, value in measured.items())
            self.progress.line(f"{job.title}: SROCC {values}")

    def _train(self, job: Job) -> str:
        self.progress.doing(f"training {job.title}")
        started = time.monotonic()
        torch.manual_seed(job.seed)
        model = job.model.build()
        curve = fit(
            model,
            TrainingRun(
                data=job.data.training,
                settings=job.settings.training,
                regime=job.regime(),
                seed=job.seed,
                device=self.device,
                snapshot=job.checkpoint.path.with_suffix(".training"),
                progress=self.progress,
                title=f"training {job.title}",
            ),
        )
        card = job.checkpoint.save(
            model,
            {
                **job.data.identity(),
                "model": job.model.name,
                "variant": job.model.variant,
                "model_params": job.model.params,
                "model_source": job.model.source,
                "recipe": job.model.fitted_by,
                **job.versions,
                "regime": job.settings.run.regime,
                "training": job.training,
                "seed": job.seed,
                "curve": curve,
                "seconds": round(time.monotonic() - started, 1),
                "context": self._context(job),
            },
        )
        job.checkpoint.path.with_suffix(".training").unlink(missing_ok=True)
        self.summary.trained += 1
        self.progress.line(
            f"{job.title}: trained in {card['seconds']:.0f} s, {len(curve)} epochs, {_last_terms(curve)}"
        )
        return str(card["weights"])

    def evaluate(self) -> None:
        """Compute the metrics of what was scored, with their intervals, so that a report need not."""
        cell_metrics([read_cell(path) for path in self._written], self.store.root, RESAMPLES)

    def load(self, job: Job) -> nn.Module:
        """The trained model of a job, as `trained_models` promises it."""
        if job.model.fitted_by == "none":
            model = job.model.build()
        else:
            model = job.model.build_empty()
            job.checkpoint.load_into(model)
        model.requires_grad_(False).eval()
        model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        example = job.data.cache.test_batch(job.data.test_rows[:2].tolist())
        return folded(model, to_float(example, self.device))

    def _measure(
        self, job: Job, model: nn.Module, attack: PlannedAttack | None, cells: list[Cell]
    ) -> dict[str, float]:
        """Compute and store the cells of one attack; their SROCC by name, for the user to see."""
        name = attack.name if attack else CLEAN
        self.progress.doing(f"{job.title}: {name}")
        started = time.monotonic()
        table = job.data.dataset.table.iloc[job.data.test_rows]
        quality = table["quality"].to_numpy()
        partial_path = self.store.root / "partial" / f"{digest([cell.key for cell in cells])}.npz"
        partial = Partial(partial_path, len(cells), len(table))
        scores = measure(
            model,
            TestData(job.data.cache, job.data.test_rows, quality),
            attack.attack if attack else None,
            [cell.epsilon * PIXEL for cell in cells],
            seed=attack.params.get("seed", 0) if attack else 0,
            batch_size=job.settings.run.batch_size,
            device=self.device,
            partial=partial,
            progress=self.progress,
        )
        context = {**self._context(job), "seconds": round(time.monotonic() - started, 2)}
        self._written += [
            self.store.write(cell, _frame(table, column), context)
            for cell, column in zip(cells, scores, strict=True)
        ]
        partial.discard()
        self._warn_of_range(job, scores)
        return {
            (f"{name} {cell.epsilon:g}/255" if attack else "clean"): srocc(column, quality)
            for cell, column in zip(cells, scores, strict=True)
        }

    def _warn_of_range(self, job: Job, scores: np.ndarray) -> None:
        low, high = float(np.nanmin(scores, initial=0.0)), float(np.nanmax(scores, initial=1.0))
        if (low < 0 or high > 1) and job.title not in self._warned:
            self._warned.add(job.title)
            self.progress.line(
                f"{job.title}: scores from {low:.3g} to {high:.3g} are not all in [0, 1], where the labels "
                "are: MSE and RMSE mean nothing, and attacks take 0.5 for the middle; map them in `forward`"
            )

    def _context(self, job: Job) -> dict[str, Any]:
        """What does not determine a result but tells how it came about."""
        dataset = job.data.dataset
        trained = job.model.fitted_by != "none"
        return {
            "versions": versions(),
            "created": datetime.datetime.now(datetime.UTC).isoformat(),
            "command": self.command,
            "profile": job.settings.profile,
            "device": _device_name(self.device),
            "checkpoint": str(job.checkpoint.path.relative_to(job.results))
            if trained
            else str(job.model.weights or ""),
            "stand_in": dataset.stand_in,
            "bounds": [dataset.low, dataset.high],
            "lower_is_better": dataset.lower_is_better,
        }

    def _lock(self, job: Job) -> FileLock:
        path = self.store.root / "locks" / f"{digest([job.checkpoint.path.name, job.data.dataset.name])}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)


def versions() -> dict[str, str]:
    """Versions of what computes: Python, this package and the libraries that decide a score."""
    found = {"python": platform.python_version(), "iqabench": __version__}
    for package in ("torch", "timm", "numpy", "pillow"):
        try:
            found[package] = version(package) or "unknown"  # None while it is being installed anew
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _training_images(job: Job) -> int:
    """How many images a job's training still sees, each counted in every epoch."""
    if job.weights() is not None:
        return 0
    training = job.settings.training
    return training.epochs * job.data.training.steps(training.batch_size) * training.batch_size


def _last_terms(curve: Curve) -> str:
    """The loss terms of the last epoch, for people."""
    return described({name: curve[-1][name] for name in curve[-1] if name not in ("epoch", "learning_rate")})


def _scoring_images(job: Job, store: Store) -> int:
    """How many images are scored for the cells that the store lacks, each counted in every cell."""
    weights = job.weights()
    cells = [cell for _, of_attack in job.cells(weights or "") for cell in of_attack]
    missing = len(cells) if weights is None else sum(not store.has(cell) for cell in cells)
    return missing * len(job.data.test_rows)


def _frame(table: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": table["path"].to_numpy(),
            "scene": table["scene"].to_numpy(),
            "distortion": table["distortion"].to_numpy(),
            "quality": table["quality"].to_numpy(),
            "score": scores,
        }
    )


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
