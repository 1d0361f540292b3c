"""A sweep that is planned and checked, with what its engines share."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...core.config import Settings
from ...core.pace import Stage
from ...core.progress import Progress
from ...core.text import plural
from ...statistics.metrics import RESAMPLES
from ...store.cell_file import COMPUTE_AGAIN
from ...store.metric_cache import CellMetrics, MetricCache
from ...store.store import Store
from ...training.weights import read_weights
from ..job import Job
from ..plan import check_tables
from ..planning.jobs import plan_jobs
from ..planning.notes import between_levels, long_steps, narrow_labels, seen_in_training
from .work import Measurement, images_to_train

METRICS_EVERY = 60.0  # seconds between two savings: processes at one store save the same file


@dataclass
class Summary:
    """Counts of a sweep: cells computed now, cells (or trained models) found done, models trained."""

    computed: int = 0
    found: int = 0
    trained: int = 0
    keys: set[str] = field(default_factory=set)  # of all cells of the sweep

    @property
    def total(self) -> int:
        """All cells of the sweep that are in the store."""
        return self.computed + self.found


@dataclass
class Sweep:
    """A sweep that is ready to run, with a summary of what has been done."""

    settings: Settings
    jobs: list[Job]  # in the order in which they run
    store: Store
    save_images: Path | None = None  # as `run_sweep` takes it
    notes: list[str] = field(default_factory=list)  # sentences on the configuration
    summary: Summary = field(default_factory=Summary)
    _metrics: dict[str, CellMetrics] = field(default_factory=dict)  # that are not saved yet
    _saved: float = field(default_factory=time.monotonic)

    @classmethod
    def prepare(
        cls, settings: Settings, results: Path, *, save_images: Path | None = None, check: bool = True
    ) -> "Sweep":
        """Resolve and check everything; nothing is trained or scored yet.

        The settings suit the device. With `check`, models that bring their weights are rehearsed, too.

        Raises:
            UserError: something in configuration, data or weights is wrong.
        """
        notes = check_tables(settings)
        jobs = plan_jobs(settings, results)
        with_sources = [*jobs, *(source for job in jobs for source in job.sources.values())]
        for job in with_sources:
            job.check_learning()
        for job in with_sources:
            if job.weights() is None:
                job.check_training_images()
        for job in {job.model.name: job for job in with_sources}.values():
            if job.weights() is None or (check and job.model.fitted_by == "none"):
                job.check_model()  # what is wrong with a model shows now, not hours later
        defences = [job.model.defence for job in jobs if job.model.defence]
        for defence in {defence.name: defence for defence in defences}.values():
            defence.check()
        files = dict.fromkeys(job.model.weights for job in with_sources if job.model.weights)
        loaded = [f"{path}: {said}" for path in files if (said := read_weights(path)[1])]
        epsilons = settings.run.epsilons
        notes += [*between_levels(epsilons), *loaded, *long_steps(jobs, max(epsilons))]
        notes += [*narrow_labels(jobs), *seen_in_training(jobs)]
        return cls(settings, jobs, Store(results), save_images, notes)

    def announce(self, progress: Progress, *, score: bool) -> None:
        """Tell the notes, what is left out, and how much there is to do."""
        for note in self.notes:
            progress.line(note)
        for job in self.jobs:
            self.expect(job, progress, score=score)
            if score and (blind := job.impossible):
                progress.line(
                    f"{job.title}: left out {' and '.join(blind)}, which need{'s' * (len(blind) == 1)} a "
                    "gradient; this model shows none that can be used. `square` and `auto` search without one"
                )
            if score and (bound := job.bound_to_labels):
                progress.line(
                    f"{job.title}: left out {' and '.join(bound)}: the images have no labels, and only "
                    "attacks that give intervals of scores do without, such as `auto`, `apgd`, `square` and "
                    "`torchattacks:NAME`"
                )

    def expect(self, job: Job, progress: Progress, *, score: bool) -> None:
        """State how many images of a job are left."""
        progress.pace.expect(job.title, self.images_left(job, score=score))

    def images_left(self, job: Job, *, score: bool) -> dict[Stage, int]:
        """Return how many images each stage of a job still has, an image counted in each epoch and each cell.

        Without `score` only the trained model is wanted.
        """
        works = self.measurements(job) if score else ()
        pending = (left for work in works if (left := work.left()))
        return images_to_train(job) | {work.stage: work.images for work in pending}

    def needed_first(self, *, score: bool) -> list[Job]:
        """Return the jobs whose models must be trained before others can begin."""
        return [
            *(job.home for job in self.jobs if job.trained_on),
            *(needed.home for job in self.jobs for needed in job.needed(score=score)),
        ]

    def measurements(self, job: Job) -> list[Measurement]:
        """Return everything that is measured of a job, whether it is in the store or not."""
        found = job.cells(job.weights() or "")
        return [Measurement(job, attack, cells, self.store, self.save_images) for attack, cells in found]

    def count(self, works: list[Measurement], computed: int) -> None:
        """Count the cells of all works of a job that is done, so many of which were computed now."""
        keys = [cell.key for work in works for cell in work.cells]
        self.summary.keys |= {*keys}
        self.summary.computed += computed
        self.summary.found += len(keys) - computed

    def name(self, works: list[Measurement], progress: Progress) -> None:
        """Give the cells of a job that is done their names in reports, and say so; see `Store.name`."""
        if count := self.store.name([cell for work in works for cell in work.cells]):
            cells = f"{plural(count, 'stored cell')} of an earlier configuration"
            progress.line(f"{works[0].job.title}: {cells}; reports show them by this name now")

    def tell_damage(self, work: Measurement, progress: Progress) -> None:
        """Say what is wrong with the files of cells that have to be computed again."""
        for path in map(self.store.path, work.cells):
            if reason := self.store.damaged.pop(path, None):
                reason = reason.removesuffix(f"; {COMPUTE_AGAIN}")
                progress.line(f"{path}: computed again, as it cannot be used: {reason}")

    def keep_metrics(self, metrics: Mapping[str, CellMetrics], *, last: bool = False) -> None:
        """Keep metrics by the digests of the cells' files, so that a report need not compute them.

        They are saved now and then, beside what other processes saved, and at the last call.
        """
        self._metrics |= metrics
        if last or time.monotonic() - self._saved > METRICS_EVERY:
            cache = MetricCache(self.store.root / "cache" / "metrics.parquet")
            for content, of_cell in self._metrics.items():
                cache.add(content, RESAMPLES, of_cell)
            cache.save()
            self._metrics, self._saved = {}, time.monotonic()


def put_off(title: str) -> str:
    """Say that a job waits."""
    return f"{title}: another process works on it; going on with the next"


def scored(job: Job, values: Mapping[str, float]) -> str:
    """Say how well a model ranks the images, clean and attacked; without labels, how far scores move."""
    labelled = job.data.dataset.labelled
    shown = ", ".join(
        f"{condition} {'undefined' if math.isnan(value) else f'{value:z.3f}'}"
        for condition, value in values.items()
        if labelled or not math.isnan(value)
    )
    if labelled:
        return f"{job.title}: SROCC {shown}"
    width = f"median width of the intervals {shown or 'unknown'}"
    return f"{job.title}: no SROCC, as the images have no labels; {width}"
