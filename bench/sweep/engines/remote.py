"""A task of a sweep as it is sent to another process, and what does it there.

The process plans the sweep anew from the settings, and keeps the plan, so that a task is a few numbers.
"""

import os
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ...core.version import __version__

if TYPE_CHECKING:
    from ...core.config import Settings
    from ...core.progress import Progress
    from ...store.metric_cache import CellMetrics
    from ..job import Job
    from .work import Measurement

PATIENCE = 120.0  # seconds until a file that another machine has written must be seen in a shared folder


@dataclass(frozen=True)
class Order:
    """Facts that all tasks of a sweep need."""

    settings: "Settings"
    results: Path  # the store's folder, an absolute path
    folder: Path  # that relative paths start from
    plugins: tuple[Path, ...]  # files that register models, attacks or datasets
    save_images: Path | None  # as `run_sweep` takes it, an absolute path
    host: str = field(default_factory=socket.gethostname)  # name of the machine that plans
    version: str = __version__  # of its iqabench


@dataclass(frozen=True)
class Task:
    """A piece of work on one job."""

    job: int  # number of the job in the plan
    model: int = 0  # number of the model to be trained: 0 is the job's own, then those that it needs
    work: int | None = None  # number of the measurement among those of the job; None: train
    keys: tuple[str, ...] = ()  # of the cells that are to be measured
    part: int | None = None  # number of the part that is to be measured; None: all images, or join the parts


@dataclass
class Outcome:
    """The outcome of a task."""

    lines: list[str] = field(default_factory=list)  # what the user should know
    shown: dict[str, float] = field(default_factory=dict)  # as `Worker.measure` returns it
    metrics: "dict[str, CellMetrics]" = field(default_factory=dict)  # of stored cells, by digests of files
    files: list[Path] = field(default_factory=list)  # of the store that were written, cells or a checkpoint
    error: str | None = None  # what went wrong; None if nothing did


Report = Callable[[float, float, float], None]
"""Takes images done, of them those done in this process, and the seconds that those took."""

_PROCESS: dict[str, "_Process"] = {}  # the sweep that this process works for, by its key


def perform(key: str, order: Callable[[], Order], task: Task, report: Report) -> Outcome:
    """Do a task of the sweep with this key in this process, and report progress every second or so.

    What it leaves includes an error: one job's error is not to end a sweep.
    """
    outcome = Outcome()
    host = ""
    try:
        if key not in _PROCESS:
            _PROCESS.clear()
            known = order()
            host = known.host
            _PROCESS[key] = _Process(known)
        process = _PROCESS[key]
        host = process.order.host
        process.perform(task, report, outcome)
    except UserError as error:
        outcome.error = str(error)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__}: {error} ({frame.filename}, line {frame.lineno})"
        outcome.error = f"{fault}. This is a fault of iqabench or of a plugin"
    if outcome.error and host not in ("", socket.gethostname()):
        outcome.error = f"on {socket.gethostname()}: {outcome.error}"
    return outcome


class _Process:
    """A process that works for a sweep: its plan, and what it has loaded."""

    def __init__(self, order: Order) -> None:
        self.order = order
        if order.version != __version__:
            raise UserError(f"iqabench {__version__} is installed here, and {order.version} on {order.host}")
        if not (order.folder.is_dir() and order.results.is_dir()):
            missing = order.results if order.folder.is_dir() else order.folder
            raise UserError(
                f"{missing}: no such folder; all machines of a cluster need the same folders, those of the "
                "store, of images and of plugins"
            )
        os.chdir(order.folder)
        from ...core.process import prepare_process

        prepare_process()
        import torch

        torch.set_num_threads(max(1, round(order.settings.engine.cpus)))
        from ...core.progress import Progress
        from ...core.registry import load_plugin
        from ...store.store import Store
        from ..machine import choose_device
        from ..planning.jobs import plan_jobs
        from .prepared import Sweep
        from .worker import Worker

        for path in order.plugins:
            load_plugin(path)
        jobs = plan_jobs(order.settings, order.results)
        self.sweep = Sweep(order.settings, jobs, Store(order.results), order.save_images)
        self.worker = Worker(choose_device(order.settings.run.device), Progress(show=False))

    def perform(self, task: Task, report: Report, outcome: Outcome) -> None:
        job = self.sweep.jobs[task.job]
        progress = _reporting(report, outcome.lines)
        worker = self.worker
        worker.begin(progress)
        try:
            if task.work is None:
                model = [job, *job.needed()][task.model]
                worker.train(model)
                checkpoint = model.home.checkpoint
                outcome.files = [checkpoint.path, checkpoint.card_path]
                return
            work = self._work(job, task)
            parts = work.parts(self.sweep.settings.engine.shard)
            if task.part is not None:
                worker.measure_part(work, parts[task.part])
                return
            outcome.shown = worker.measure(work, parts)
            outcome.metrics = worker.take_metrics()
            outcome.files = worker.written
        finally:
            progress.close()

    def _work(self, job: "Job", task: Task) -> "Measurement":
        """Return the measurement that the driver means; raise `UserError` if it is not the same here."""
        _wait_for_weights(job)
        works = self.sweep.measurements(job)
        work = works[task.work] if task.work is not None and task.work < len(works) else None
        cells = [cell for cell in work.cells if cell.key in task.keys] if work else []
        if work is None or len(cells) != len(task.keys):
            raise UserError(
                "this machine plans other cells for the same settings: iqabench, plugins, images and files "
                f"of weights must be the same as on {self.order.host}"
            )
        return replace(work, cells=cells)


def suited_here(order: Order) -> "tuple[Settings, list[str]] | str":
    """Return the settings as they suit this machine's device with notes, or what is wrong."""
    from ..machine import choose_device, suited

    try:
        return suited(order.settings, choose_device(order.settings.run.device))
    except UserError as error:
        return str(error)


def _wait_for_weights(job: "Job") -> None:
    """Wait for files of weights that another machine has just written."""
    end = time.monotonic() + PATIENCE
    for other in [job, *job.needed()]:
        while other.weights() is None:
            if time.monotonic() > end:
                raise UserError(
                    f"{other.checkpoint.path}: not seen on this machine; is the store a shared folder?"
                )
            time.sleep(0.5)


def _reporting(report: Report, lines: list[str]) -> "Progress":
    """Return progress that is told elsewhere."""
    from ...core.pace import Stage
    from ...core.progress import Progress

    class Reporting(Progress):
        def __init__(self) -> None:
            super().__init__(show=False)
            self._counted = self._timed = self._seconds = 0.0
            self._last = self._since = time.monotonic()

        def begin(self, stage: Stage, what: str) -> None:
            super().begin(stage, what)
            self._since = time.monotonic()

        def advance(self, images: float) -> None:
            now = time.monotonic()
            self._counted += images
            self._timed += images
            self._seconds, self._since = self._seconds + now - self._since, now
            if now - self._last > 1:
                self._last = now
                report(self._counted, self._timed, self._seconds)

        def skip(self, images: float) -> None:
            self._counted += images

        def line(self, text: str) -> None:
            lines.append(text)

        def close(self) -> None:
            super().close()
            report(self._counted, self._timed, self._seconds)

    return Reporting()
