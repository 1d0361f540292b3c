"""The engine that computes in this process, and divides the work with others at the same store.

What is trained and what is measured is locked meanwhile. A process prefers jobs that no other is at; when
there are none left it takes what is free of the others' jobs, and in the end it waits for them.
"""

from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum

import torch
from filelock import Timeout

from ...core.progress import Progress, Show, progress_over
from ..job import Job
from ..rehearsal import rehearse
from .prepared import Sweep, put_off, scored
from .work import training_lock
from .worker import Worker


class Round(IntEnum):
    """The number of times that a job was put off, because another process was at it."""

    FIRST = 0  # leave it to the other
    SHARE = 1  # take what is free of it
    WAIT = 2  # for the other to end, or to be killed


def run_here(sweep: Sweep, device: torch.device, *, score: bool, show: Show) -> Worker:
    """Train the models of a sweep and, with `score`, measure them; the sweep's summary is filled.

    Returns the worker, which can load the models.
    """
    with progress_over(show=show) as progress:
        progress.pace.workers = sweep.settings.run.workers if score else 1
        engine = _Local(sweep, Worker(device, progress), progress)
        sweep.announce(progress, score=score)
        engine.train_first(sweep.needed_first(score=score))
        for job in sweep.jobs if show is True else ():
            for stage, seconds in rehearse(job, progress.pace.unknown(job.title), device):
                progress.pace.rehearsed(stage, seconds)
        left = sweep.jobs
        try:
            for number in Round:
                left = [job for job in left if not engine.work(job, number, score=score)]
        finally:
            sweep.keep_metrics({}, last=True)
    return engine.worker


class _Local:
    def __init__(self, sweep: Sweep, worker: Worker, progress: Progress) -> None:
        self.worker = worker
        self._sweep = sweep
        self._progress = progress
        self._computed: dict[int, int] = {}  # cells, by the identity of the job

    def train_first(self, jobs: Sequence[Job]) -> None:
        """Train the models that other jobs need."""
        for job in jobs:
            while job.weights() is None:
                with suppress(Timeout), training_lock(job, self._sweep.store).acquire(timeout=1):
                    if job.weights() is None:
                        self._sweep.expect(job, self._progress, score=False)
                        self._train(job)

    def work(self, job: Job, number: Round, *, score: bool) -> bool:
        """Do what is left of a job and free; return whether nothing is left of it."""
        if number > Round.FIRST:
            self._sweep.expect(job, self._progress, score=score)
        done = self._trained(job, number, score=score)
        if done and score:
            done = self._score(job, number)
        if not done:
            if number == Round.FIRST and self._sweep.settings.run.workers == 1:
                self._progress.line(put_off(job.title))
            self._progress.pace.expect(job.title, {})  # the other process spends that time
        return done

    def _trained(self, job: Job, number: Round, *, score: bool) -> bool:
        """See that a job has weights; return False if another process trains its model."""
        if job.weights() is None:
            try:
                with training_lock(job, self._sweep.store).acquire(timeout=_patience(number)):
                    if job.weights() is None:
                        self._train(job)
                        return True
            except Timeout:
                return False
        self._sweep.summary.found += not score
        return True

    def _train(self, job: Job) -> None:
        self.worker.train(job)
        self._sweep.summary.trained += 1

    def _score(self, job: Job, number: Round) -> bool:
        works = self._sweep.measurements(job)
        pending = [left for work in works if (left := work.left())]
        for work in pending:
            self._sweep.tell_damage(work, self._progress)
        self._progress.pace.expect(job.title, {work.stage: work.images for work in pending})
        shown: dict[str, float] = {}
        busy = False
        for work in pending:
            try:
                with work.lock().acquire(timeout=_patience(number)):
                    if left := work.left():  # another process may have been at it just now
                        shown |= self.worker.measure(left)
                        self._sweep.keep_metrics(self.worker.take_metrics())
                        self._computed[id(job)] = self._computed.get(id(job), 0) + len(left.cells)
            except Timeout:
                busy = True
                if number == Round.FIRST:
                    break
        if shown:
            self._progress.line(scored(job, shown))
        if not busy:
            self._sweep.count(works, self._computed.get(id(job), 0))
            self._sweep.name(works, self._progress)
        return not busy


def _patience(number: Round) -> float:
    """Return for how many seconds to wait for a lock; -1: until it is free."""
    return -1 if number == Round.WAIT else 0
