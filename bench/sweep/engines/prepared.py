"""A sweep that is planned and checked, with what its engines share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...core.config import Settings
from ...core.pace import Stage
from ...core.progress import Progress
from ...store.cell_file import COMPUTE_AGAIN
from ...store.store import Store
from ...training.weights import read_weights
from .. import wording
from ..job import Job
from ..plan import check_tables
from ..planning.jobs import plan_jobs
from ..workload import images_to_train
from .work import Measurement, measurements

NARROW = 0.1  # share of a scale; labels that keep to less of it are probably on another scale


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
        notes += [*wording.between_levels(settings.run.epsilons), *loaded]
        notes += [
            *_long_steps(jobs, max(settings.run.epsilons)),
            *_narrow_labels(jobs),
            *_seen_in_training(jobs),
        ]
        return cls(settings, jobs, Store(results), save_images, notes)

    def announce(self, progress: Progress, *, score: bool) -> None:
        """Tell the notes, what is left out, and how much there is to do."""
        for note in self.notes:
            progress.line(note)
        for job in self.jobs:
            self.expect(job, progress, score=score)
            if score and job.impossible:
                progress.line(wording.impossible(job.title, job.impossible))
            if score and job.bound_to_labels:
                progress.line(wording.bound_to_labels(job.title, job.bound_to_labels))

    def expect(self, job: Job, progress: Progress, *, score: bool) -> None:
        """State how many images of a job are left."""
        progress.pace.expect(job.title, self.images_left(job, score=score))

    def images_left(self, job: Job, *, score: bool) -> dict[Stage, int]:
        """Return how many images each stage of a job still has, an image counted in each epoch and each cell.

        Without `score` only the trained model is wanted.
        """
        works = self.measurements(job, job.weights() or "") if score else ()
        pending = (left for work in works if (left := work.left()))
        return images_to_train(job) | {work.stage: work.images for work in pending}

    def needed_first(self, *, score: bool) -> list[Job]:
        """Return the jobs whose models must be trained before others can begin."""
        return [
            *(job.home for job in self.jobs if job.trained_on),
            *(needed.home for job in self.jobs for needed in (job.needs if score else job.learners.values())),
        ]

    def measurements(self, job: Job, weights: str) -> Iterator[Measurement]:
        """Yield everything that is measured of a job, whether it is in the store or not."""
        return measurements(job, weights, self.store, self.save_images)

    def count(self, works: list[Measurement], computed: int) -> None:
        """Count the cells of all works of a job that is done, so many of which were computed now."""
        keys = [cell.key for work in works for cell in work.cells]
        self.summary.keys |= {*keys}
        self.summary.computed += computed
        self.summary.found += len(keys) - computed

    def name(self, works: list[Measurement]) -> Iterator[str]:
        """Give the cells of a job that is done their names in reports, and say so; see `Store.name`."""
        if count := self.store.name([cell for work in works for cell in work.cells]):
            yield wording.named(works[0].job.title, count)

    def damage(self, work: Measurement) -> Iterator[str]:
        """Yield what is wrong with the files of cells that have to be computed again."""
        for path in map(self.store.path, work.cells):
            if reason := self.store.damaged.pop(path, None):
                reason = reason.removesuffix(f"; {COMPUTE_AGAIN}")
                yield f"{path}: computed again, as it cannot be used: {reason}"


def _long_steps(jobs: Sequence[Job], epsilon: float) -> Iterator[str]:
    """Say of each attack whose steps cross the whole ball that its step size may be in another unit."""
    for attack in {attack.name: attack for job in jobs for attack in job.attacks}.values():
        step = attack.params.get("step_size")
        if isinstance(step, float | int) and 255 * step > 2 * epsilon > 0:
            yield wording.long_steps(attack.name, step, epsilon)


def _narrow_labels(jobs: Sequence[Job]) -> Iterator[str]:
    """Say of each dataset whose labels keep to a small part of their scale that the scale may be another."""
    for dataset in {job.data.dataset.name: job.data.dataset for job in jobs}.values():
        if dataset.labelled and np.ptp(dataset.table["quality"]) < NARROW:
            scores = dataset.table["score"]
            yield wording.narrow_labels(
                dataset.name, (scores.min(), scores.max()), (dataset.low, dataset.high)
            )


def _seen_in_training(jobs: Sequence[Job]) -> Iterator[str]:
    """Say of each dataset that models are trained for which of its test images are training images, too."""
    trained = [(job.data, job.training_data) for job in jobs if job.model.fitted_by != "none"]
    pairs = {(data.dataset.name, on.dataset.name): (data, on) for data, on in trained}
    for (name, trained_on), (data, on) in pairs.items():
        if found := data.seen_in(on):
            yield wording.seen_in_training(name, trained_on, found)
