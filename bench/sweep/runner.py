"""The sweep: datasets x models x attacks x epsilons, computing only what the store lacks.

The runner alone knows the loops. Jobs that share a dataset and a model run together: one training, one
load, and all epsilons of an attack in one call. A job is locked while it runs, so that processes that
share a store divide the work.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

from ...models.defences.base import Defended
from ..core.config import Settings
from ..core.files import lock_on, remove_leftovers, safe_name
from ..core.progress import Progress, Show, progress_over
from ..datasets.pixels import to_float
from ..statistics.metrics import RESAMPLES, srocc
from ..statistics.visibility import median_visibility
from ..store.cell import Cell, digest
from ..store.cell_file import read_cell
from ..store.metric_cache import cell_metrics
from ..store.store import Store
from ..training.fit import TrainingRun, fit
from ..training.precision import precision_on
from ..training.weights import read_weights
from . import wording
from .folding import ready_to_score
from .job import PIXEL, STATIC, Job
from .machine import choose_device, context_of, suited
from .measuring.measure import measure
from .measuring.notices import Notices
from .measuring.partial import Partial
from .measuring.pictures import Pictures
from .measuring.worst import TestData
from .patches import PatchMean
from .plan import CLEAN, PlannedAttack, check_tables
from .planning.jobs import plan_jobs
from .rehearsal import rehearse
from .workload import epsilons_to_run, images_left, scoring_stage, training_stage


@dataclass
class Summary:
    """Counts of a sweep: cells computed now, cells (or trained models) found done, models trained.

    Attributes:
        keys: Of all cells of the sweep.
    """

    computed: int = 0
    found: int = 0
    trained: int = 0
    keys: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """All cells of the sweep that are in the store."""
        return self.computed + self.found


@torch.random.fork_rng()
def run_sweep(
    settings: Settings,
    results: Path,
    *,
    command: str = "",
    show: Show = True,
    save_images: Path | None = None,
) -> Summary:
    """Compute every cell of the sweep that the store does not hold yet.

    Args:
        settings: What to sweep.
        results: The store's folder; checkpoints, splits and the pixel cache live there too.
        command: Kept with each cell.
        show: Whether to show progress on standard error; "lines": no bar, and no rehearsal for the time left.
        save_images: Folder for the adversarial images as PNG files with their scores. A cell that the store
            holds is computed once more where they are missing.

    Raises:
        UserError: something in configuration, data or weights is wrong; found before anything is trained.
    """
    sweep = _Sweep.prepare(settings, results, command)
    sweep.save_images = save_images
    summary = sweep.run(sweep.score, score=True, show=show)
    sweep.evaluate()
    return summary


@torch.random.fork_rng()
def train_models(settings: Settings, results: Path, *, command: str = "", show: bool = True) -> Summary:
    """Train the models of the sweep that have no weights yet; score nothing. Arguments as `run_sweep`."""
    sweep = _Sweep.prepare(settings, results, command)
    return sweep.run(sweep.train, score=False, show=show)


@torch.random.fork_rng()
def trained_models(
    settings: Settings, results: Path, *, command: str = "", show: bool = True, check: bool = True
) -> list[tuple[Job, nn.Module]]:
    """Return the models of the sweep, trained where they have no weights yet, ready to score.

    Args:
        settings, results, command, show: As `run_sweep` takes them.
        check: Whether a model that brings its weights is rehearsed, and refused if it is at fault; one that
            has to be trained is in any case.

    Returns:
        Each job with its model: in evaluation mode, its weights without gradients, batch normalisation
        folded, on the device.
    """
    sweep = _Sweep.prepare(settings, results, command, check=check)
    sweep.run(sweep.train, score=False, show=show)
    return [(job, sweep.load(job)) for job in sweep.jobs]


class _Sweep:
    """The loops over jobs and attacks, and what they share."""

    def __init__(self, jobs: list[Job], store: Store, device: torch.device, command: str) -> None:
        self.jobs = jobs
        self.store = store
        self.device = device
        self.command = command
        self.save_images: Path | None = None
        self.notes: list[str] = []  # on the configuration
        self.summary = Summary()
        self.progress = Progress(show=False)
        self._written: list[Path] = []  # cells
        self._notices = Notices(lambda line: self.progress.line(line))

    @classmethod
    def prepare(cls, settings: Settings, results: Path, command: str, *, check: bool = True) -> "_Sweep":
        """Resolve and check everything; nothing is trained or scored yet."""
        device = choose_device(settings.run.device)
        notes = check_tables(settings)
        settings = suited(settings, device, notes)
        jobs = plan_jobs(settings, results)
        for job in jobs:
            job.check_learning()
        with_sources = [*jobs, *(source for job in jobs for source in job.sources.values())]
        for job in with_sources:
            if job.weights() is None:
                job.check_training_images()
        for job in {job.model.name: job for job in with_sources}.values():
            if job.weights() is None or (check and job.model.fitted_by == "none"):
                job.check_model()  # what is wrong with a model shows now, not hours later
        sweep = cls(jobs, Store(results), device, command)
        files = dict.fromkeys(job.model.weights for job in with_sources if job.model.weights)
        loaded = [wording.loaded(path, said) for path in files if (said := read_weights(path)[1])]
        sweep.notes = [*notes, *wording.between_levels(settings.run.epsilons), *loaded]
        return sweep

    def run(self, work: Callable[[Job], None], *, score: bool, show: Show) -> Summary:
        """Work through the jobs; one that another process is at is put off to the end."""
        waiting = deque((job, False) for job in self.jobs)
        with progress_over(show=show) as self.progress:
            self.progress.pace.workers = self.jobs[0].settings.run.workers if self.jobs and score else 1
            for note in self.notes:
                self.progress.line(note)
            for job in self.jobs:
                self.progress.pace.expect(job.title, images_left(job, self._done, score=score))
                if score and job.impossible:
                    self.progress.line(wording.impossible(job.title, job.impossible))
                if score and job.bound_to_labels:
                    self.progress.line(wording.bound_to_labels(job.title, job.bound_to_labels))
            self._train_first(
                [
                    *(job.home for job in self.jobs if job.trained_on),
                    *(source.home for job in self.jobs for source in job.sources.values() if score),
                    *(learner.home for job in self.jobs for learner in job.learners.values()),
                ]
            )
            for job in self.jobs if show is True else ():
                for stage, seconds in rehearse(job, self.progress.pace.unknown(job.title), self.device):
                    self.progress.pace.rehearsed(stage, seconds)
            while waiting:
                job, put_off = waiting.popleft()
                try:
                    with self._lock(job).acquire(timeout=-1 if put_off else 0):
                        if put_off:
                            left = images_left(job, self._done, score=score)
                            self.progress.pace.expect(job.title, left)
                        work(job)
                except Timeout:
                    self.progress.line(wording.put_off(job.title))
                    self.progress.pace.expect(job.title, {})  # the other process spends that time
                    waiting.append((job, True))
        return self.summary

    def _train_first(self, jobs: Sequence[Job]) -> None:
        """Train the models that other jobs need, before one of those is locked."""
        for job in jobs:
            while job.weights() is None:
                with suppress(Timeout), self._lock(job).acquire(timeout=1):
                    if job.weights() is None:
                        self.progress.pace.expect(job.title, images_left(job, self._done, score=False))
                        self._train(job)

    def train(self, job: Job) -> None:
        """Train a job's model unless it has weights."""
        if job.weights() is None:
            self._train(job)
        else:
            self.summary.found += 1

    def score(self, job: Job) -> None:
        """Compute the cells of a job that the store lacks."""
        weights = job.weights() or self._train(job)
        pending: list[tuple[PlannedAttack | None, list[Cell]]] = []
        for attack, cells in job.cells(weights):
            missing = [cell for cell in cells if not self._done(job, cell)]
            self.summary.found += len(cells) - len(missing)
            self.summary.keys |= {cell.key for cell in cells}
            self._warn_of_damage(missing)
            if missing:
                pending.append((attack, missing))
        images = len(job.data.test_rows)
        left = {
            scoring_stage(job, attack, missing): len(epsilons_to_run(missing)) * images
            for attack, missing in pending
        }
        self.progress.pace.expect(job.title, left)
        if not pending:
            return
        model = self.load(job)
        shown: dict[str, float] = {}
        for attack, missing in pending:
            shown |= self._measure(job, model, attack, missing)
            self.summary.computed += len(missing)
        self.progress.line(wording.scored(job.title, shown, labelled=job.data.dataset.labelled))

    def _done(self, job: Job, cell: Cell) -> bool:
        pictures = self._pictures(job, cell)
        return self.store.has(cell) and (pictures is None or pictures.complete())

    def _pictures(self, job: Job, cell: Cell) -> Pictures | None:
        if self.save_images is None or cell.attack == CLEAN:
            return None
        return Pictures.of(cell, self.save_images, job.image_names)

    def _train(self, job: Job) -> str:
        job = job.home
        self.progress.begin(training_stage(job), f"training {job.title}")
        started = time.monotonic()
        torch.manual_seed(job.seed)
        model = job.model.build()
        wanted = job.settings.training.precision
        precision = precision_on(self.device, wanted)
        if precision != wanted:
            self.progress.line(wording.other_precision(job.title, wanted, precision))
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
                **job.data.training_identity(),
                "model": job.model.name,
                "variant": job.model.trained_variant,
                "model_params": job.model.params,
                **({"adapter": job.model.adaptation} if job.model.adaptation else {}),
                "model_source": job.model.source,
                "recipe": job.model.fitted_by,
                **job.versions,
                "regime": job.settings.run.regime if job.inner_attack else "clean",
                "training": job.training,
                "seed": job.seed,
                "curve": curve,
                "seconds": round(time.monotonic() - started, 1),
                "context": {**context_of(job, self.device, self.command), "precision": precision},
            },
        )
        job.checkpoint.path.with_suffix(".training").unlink(missing_ok=True)
        remove_leftovers(job.checkpoint.path.with_suffix(".*"))
        self.summary.trained += 1
        self.progress.line(wording.trained(job.title, card["seconds"], curve))
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
        model = job.referenced(model)
        model = ready_to_score(model, to_float(job.example(), self.device))
        model = PatchMean(model, patches).eval() if (patches := job.model.framing.patches) else model
        if job.settings.run.compile and not (job.model.stochastic or job.model.black_box):
            model.compile()
        if job.model.defence:
            learnt = {name: learner.checkpoint for name, learner in job.learners.items()}
            model = job.model.defence.around(model, learnt).to(self.device)
        return model

    def _measure(
        self, job: Job, model: nn.Module, attack: PlannedAttack | None, cells: list[Cell]
    ) -> dict[str, float]:
        """Compute and store the cells of one attack; return their SROCC by name, for the user to see.

        Of images without labels it is the median width of their intervals.
        """
        name = shown_name = attack.name if attack else CLEAN
        if attack and attack.found_on:
            attack = attack.searching(self.load(job.sources[name]))
            shown_name = wording.found_on(name, job.sources[name].model.name)
        if attack and attack.learns:
            attack = attack.learning(lambda most: to_float(job.learning_images(most), self.device))
        knowledge = cells[0].knowledge
        if knowledge:
            shown_name = f"{shown_name}, {knowledge}"
        self.progress.begin(scoring_stage(job, attack, cells), f"{job.title}: {shown_name}")
        started = time.monotonic()
        table = job.data.dataset.table.iloc[job.data.scoring_rows]
        rows = table.rename(columns={"path": "image"}).drop(columns="reference", errors="ignore")
        quality = table["quality"].to_numpy()
        epsilons = epsilons_to_run(cells)
        saved = ((cell, self._pictures(job, cell)) for cell in cells)
        pictures = {epsilons.index(cell.epsilon): files for cell, files in saved if files}
        identity = [*(cell.key for cell in cells), *(str(files.folder) for files in pictures.values())]
        defended = f"defended-{digest([cells[0].defence, knowledge])}-" if cells[0].defence else ""
        stem = f"{defended}{safe_name(name)}-"
        folder = self.store.root / "partial" / self._job_digest(job)
        partial_path = folder / f"{stem}{digest(identity)}.partial"
        data = TestData(job.data.cache, job.data.scoring_rows, quality)
        partial = Partial(partial_path, len(epsilons), data.pixels)
        if partial.damage:
            self.progress.line(wording.starts_again(f"{job.title}: {shown_name}", partial.damage))
        measure(
            model,
            data,
            attack.attack if attack else None,
            [epsilon * PIXEL for epsilon in epsilons],
            name=name,
            seed=attack.params.get("seed", 0) if attack else 0,
            batch_size=job.batch_size,
            smaller_batches=cells[0].batch_size is None,
            device=self.device,
            precision=job.settings.run.precision,
            partial=partial,
            progress=self.progress,
            pictures=pictures,
            found_on=model.model if knowledge == STATIC and isinstance(model, Defended) else None,
        )
        context = {
            **context_of(job, self.device, self.command),
            "seconds": round(time.monotonic() - started, 2),
        }
        shown = {}
        for cell in cells:
            index = epsilons.index(cell.epsilon)
            columns = {column: values[index] for column, values in partial.columns.items()}
            found = partial.diagnostics[index]
            diagnostics = dict(found)
            if knowledge != STATIC:  # which says nothing of the model's gradients
                diagnostics = self._notices.on(job.title, job.model, attack, quality, columns, found)
            diagnostics |= median_visibility(columns)
            if index in pictures:
                kept = pictures[index].finish(columns)
                diagnostics |= {} if np.isnan(kept) else {"eight_bit_kept": round(kept, 6)}
                self.progress.line(wording.saved(job.title, name, cell.epsilon, pictures[index].folder, kept))
            scored = rows.assign(**columns).sort_index()  # in the order of the dataset's table
            self._written.append(self.store.write(cell, scored, context, diagnostics))
            shown[f"{shown_name} {cell.epsilon:g}/255" if attack else "clean"] = _shown(quality, columns)
        partial.discard()
        for cell in cells:
            remove_leftovers(self.store.path(cell))
        remove_leftovers(folder / f"{stem}*")
        for orphan in folder.glob(f"{stem}*"):  # of a killed sweep of other epsilons; the job is locked
            orphan.unlink(missing_ok=True)
        return shown

    def _warn_of_damage(self, cells: list[Cell]) -> None:
        """Say which cells are computed again because their files cannot be used."""
        for path in map(self.store.path, cells):
            if reason := self.store.damaged.pop(path, None):
                self.progress.line(wording.damaged_cell(path, reason))

    def _lock(self, job: Job) -> FileLock:
        return lock_on(self.store.root / "locks" / f"{self._job_digest(job)}.lock")

    @staticmethod
    def _job_digest(job: Job) -> str:
        return digest([job.checkpoint.path.name, job.data.dataset.name])


def _shown(quality: np.ndarray, columns: Mapping[str, np.ndarray]) -> float:
    """Return the SROCC of the scores; of attainable intervals that of their worst case, or their width."""
    if np.isnan(quality).all():
        return float(np.median(columns["high"] - columns["low"])) if "low" in columns else float("nan")
    return srocc(quality, columns["worst" if "worst" in columns else "score"])
