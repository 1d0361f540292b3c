"""The engine that sends a sweep to a Ray cluster: what is sent when, and what becomes of the outcomes.

Ray places the tasks, and sends one again whose worker or node died. This process plans, holds the locks of
what is in hand, and shows the progress of all. The store is the state: whatever ends, the same command
goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from filelock import FileLock, Timeout

from ...core.errors import UserError
from ...core.files import completed
from ...core.pace import Stage
from ...core.progress import Progress, Show, progress_over
from ...core.text import plural
from ..job import Job
from .pool import Failed, Pool
from .prepared import Summary, Sweep, put_off, scored
from .remote import PATIENCE, Task
from .work import Measurement, images_to_train, training_lock, training_stage


class JobsFailed(UserError):
    """Some jobs of a sweep ended with an error; the others are done."""

    def __init__(self, text: str, summary: Summary) -> None:
        super().__init__(text)
        self.summary = summary  # of the whole sweep


def run_on_cluster(sweep: Sweep, pool: Pool, *, score: bool, show: Show) -> None:
    """Train the models of a sweep and, with `score`, measure them; the sweep's summary is filled.

    Raises:
        JobsFailed: some jobs ended with an error, which was shown.
    """
    with progress_over(show=show) as progress:
        sweep.announce(progress, score=score)
        cluster = _Cluster(sweep, pool, progress)
        try:
            pool.run(cluster.work(score=score), progress)
        finally:
            sweep.keep_metrics({}, last=True)
    if cluster.failed:
        titles = ", ".join(cluster.failed)
        raise JobsFailed(
            f"{len(cluster.failed)} of {plural(len(sweep.jobs), 'job')} failed, as said above: {titles}. "
            "All else is done; the same command tries these again",
            sweep.summary,
        )


class _Cluster:
    """The jobs of a sweep as coroutines, each of which waits for its tasks."""

    def __init__(self, sweep: Sweep, pool: Pool, progress: Progress) -> None:
        self.failed: dict[str, str] = {}  # what went wrong, by the title of the job
        self._sweep = sweep
        self._pool = pool
        self._progress = progress
        self._trainings: dict[str, asyncio.Task[None]] = {}  # by the checkpoint
        self._said: set[str] = set()

    async def work(self, *, score: bool) -> None:
        """Do all jobs, as many at a time as keep the workers busy."""
        jobs = enumerate(self._sweep.jobs)
        takers = [self._take(jobs, score=score) for _ in range(self._pool.at_once)]
        await asyncio.gather(*takers)

    async def _take(self, jobs: Iterator[tuple[int, Job]], *, score: bool) -> None:
        for number, job in jobs:
            try:
                await self._job(number, job, score=score)
            except (Failed, UserError) as error:
                self.failed[job.title] = str(error)
                self._progress.line(f"{job.title}: failed: {error}")
                self._progress.pace.expect(job.title, {})

    async def _job(self, number: int, job: Job, *, score: bool) -> None:
        trained = job.weights() is not None
        needed = [job, *job.needed(score=score)]
        await _all([self._trained(Task(number, index), model) for index, model in enumerate(needed)])
        if not score:
            self._sweep.summary.found += trained
            return
        works = self._sweep.measurements(job)
        left = {work.stage: work.images for each in works if (work := each.left())}
        self._progress.pace.expect(job.title, left)
        measured = [self._measured(Task(number, work=at), work) for at, work in enumerate(works)]
        ended = await asyncio.gather(*measured, return_exceptions=True)
        done = {at: result for at, result in enumerate(ended) if not isinstance(result, BaseException)}
        if found := {name: value for _, shown in done.values() for name, value in shown.items()}:
            self._progress.line(scored(job, found))
        self._sweep.count([works[at] for at in done], sum(cells for cells, _ in done.values()))
        self._sweep.name(works, self._progress)
        _raise(ended)

    async def _trained(self, task: Task, job: Job) -> None:
        """See that a model has weights; jobs that need the same one wait for one training."""
        name = str(job.home.checkpoint.path)
        if name not in self._trainings:
            self._trainings[name] = asyncio.create_task(self._train(task, job))
        await self._trainings[name]

    async def _train(self, task: Task, job: Job) -> None:
        if job.weights() is not None:
            return
        async with self._held(training_lock(job, self._sweep.store), job.title):
            if job.weights() is not None:
                return
            images = images_to_train(job.home)
            if task.model or job.trained_on:  # no job of the sweep, whose images are expected already
                self._progress.pace.expect(job.home.title, images)
            await self._call(task, training_stage(job.home), sum(images.values()), f"training {job.title}")
            await self._seen(job)
        self._sweep.summary.trained += 1

    async def _seen(self, job: Job) -> None:
        """Wait until the file that another machine has just written is seen in the shared folder."""
        end = time.monotonic() + PATIENCE
        while job.weights() is None:
            if time.monotonic() > end:
                raise Failed(f"{job.home.checkpoint.path}: a worker wrote it, and it is not seen here")
            await asyncio.sleep(0.5)

    async def _measured(self, task: Task, work: Measurement) -> tuple[int, dict[str, float]]:
        """Compute the cells that are missing; return their number, and what is to be shown of them."""
        if work.left() is None:
            return 0, {}
        async with self._held(work.lock(), work.title):
            left = work.left()  # another process may have been at it
            if left is None:
                return 0, {}
            self._sweep.tell_damage(left, self._progress)
            task = replace(task, keys=tuple(cell.key for cell in left.cells))
            parts = left.parts(self._sweep.settings.engine.shard)
            images = [(part.stop - part.start) * len(left.epsilons) for part in parts]
            if len(parts) > 1:
                await _all(
                    [
                        self._call(replace(task, part=index), left.stage, of_part, left.title)
                        for index, of_part in enumerate(images)
                    ]
                )
                images = []
            return len(left.cells), await self._call(task, left.stage, sum(images), left.title)

    async def _call(self, task: Task, stage: Stage, images: int, what: str) -> dict[str, float]:
        outcome = await self._pool.call(task, stage, images, what)
        for line in outcome.lines:
            if line not in self._said:
                self._said.add(line)
                self._progress.line(line)
        if outcome.error:
            raise Failed(outcome.error)
        self._sweep.keep_metrics(outcome.metrics)
        for path in outcome.files:  # which workers write into the folder of a store that may be in a bucket
            await asyncio.to_thread(completed, path)
        return outcome.shown

    @asynccontextmanager
    async def _held(self, lock: FileLock, title: str) -> AsyncIterator[None]:
        """Hold a lock; wait while another command at the same store has it."""
        waiting = False
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                if not waiting:
                    self._progress.line(put_off(title))
                waiting = True
                await asyncio.sleep(1)
        try:
            yield
        finally:
            lock.release()


async def _all(coroutines: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Wait for all to end, whether or not one fails; then raise what went wrong, each thing once."""
    _raise(await asyncio.gather(*coroutines, return_exceptions=True))


def _raise(ended: Sequence[object]) -> None:
    errors = [result for result in ended if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, Failed | UserError):
            raise error
    if errors:
        raise Failed("; ".join(dict.fromkeys(map(str, errors))))
