"""Workers on a Ray cluster: connecting, sending tasks, and hearing how far they are.

Ray is an extra, so it is imported when it is used.
"""

import asyncio
import itertools
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import Any

from ...core.config import Settings
from ...core.errors import UserError
from ...core.pace import Stage
from ...core.progress import Progress
from ...core.text import plural
from .remote import Order, Outcome, Report, Task, perform, suited_here

RETRIES = 10  # how often Ray sends a task again whose worker or node died
WAITING = 16  # tasks that wait on the cluster beyond two for each worker
PATIENCE = 600.0  # seconds until a worker must have begun, which a cluster that grows may have to start
TICK = 1.0  # seconds between two looks at the progress of tasks
GIB = 1 << 30

# Ray's variable that with "0" keeps a cluster of one machine on 127.0.0.1: who reaches it can run code.
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

Do = Callable[[str, Callable[[], Order], Task, Report], Outcome]


class Failed(Exception):
    """A task that ended with an error, which the message says."""


class Tally:
    """Keeps what tasks report until the driver asks for it: an actor."""

    def __init__(self) -> None:
        self._news: dict[int, tuple[float, float, float]] = {}

    def put(self, task: int, *counts: float) -> None:
        """Keep how far a task is."""
        images, timed, seconds = counts
        self._news[task] = images, timed, seconds

    def take(self) -> dict[int, tuple[float, float, float]]:
        """Return what is new."""
        news, self._news = self._news, {}
        return news


class Pool:
    """Workers on a cluster that this process is connected to; `do` does a task in one, as `perform`."""

    def __init__(self, settings: Settings, do: Do = perform) -> None:
        self._ray = _imported()
        self._needs = _needs(self._ray, settings)
        self._perform = self._remote(_perform)
        self._workers = self._capacity()
        self.at_once = 2 * max(1, self._workers) + WAITING
        self._slots = asyncio.Semaphore(self.at_once)
        self._orders: list[Any] = []
        self._key = ""
        self._numbers = itertools.count()
        self._do = do
        self._open: dict[int, InHand] = {}
        self._progress = Progress(show=False)
        here = self._ray.get_runtime_context().get_node_id()
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        near = NodeAffinitySchedulingStrategy(here, soft=True)
        actor = self._ray.remote(num_cpus=0, max_restarts=-1)(Tally)
        self._tally = actor.options(scheduling_strategy=near).remote()

    def suited(self, order: Order, say: Callable[[str], None]) -> tuple[Settings, list[str]]:
        """Return the settings of an order as they suit the device of a worker, with notes.

        If a machine has to be added first, `say` is told what is waited for.

        Raises:
            UserError: a worker has no such device, or there is none.
        """
        there = self._ray.cluster_resources()
        lacking = (
            f"no machine of the cluster has what a task needs ({in_units(self._needs)}); all together have "
            f"{in_units({name: there[name] for name in ('CPU', 'GPU', 'memory') if name in there})}"
        )
        if not self._workers:
            say(f"{lacking}. Waiting {PATIENCE / 60:g} minutes for one to be added")
        try:
            found = self._ray.get(self._remote(suited_here).remote(order), timeout=PATIENCE)
        except self._ray.exceptions.GetTimeoutError:
            raise UserError(f"{lacking}: change `cpus`, `gpus` or `memory` of [engine]") from None
        except self._ray.exceptions.RayError as error:
            raise UserError(f"no task can run on this cluster: {shorten(str(error), 500)}") from error
        if isinstance(found, str):
            raise UserError(found)
        settings, notes = found
        return settings, notes

    def give(self, order: Order) -> None:
        """State the sweep that the tasks are of."""
        reference = self._ray.put(order)
        self._orders = [reference]  # in a list: a worker fetches it once, and not with each task
        self._key = reference.hex()

    def run(self, work: Coroutine[Any, Any, None], progress: Progress) -> None:
        """Run a coroutine that calls tasks, until all is done, and show how far they are."""
        self._progress = progress
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self._watched(work))
        else:  # in a notebook
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, self._watched(work)).result()

    async def call(self, task: Task, stage: Stage, images: int, what: str) -> Outcome:
        """Have a task done, and return what it leaves. Waits while enough are in hand.

        It counts so many images of a stage, and is described for people by `what`.

        Raises:
            Failed: its workers died, again and again.
        """
        async with self._slots:
            number = next(self._numbers)
            self._open[number] = InHand(stage, what)
            try:
                named = self._perform.options(name=f"{stage.kind} {stage.model}".strip())  # on the dashboard
                outcome = await named.remote(self._do, self._key, self._orders, task, number, self._tally)
            except self._ray.exceptions.RayError as error:
                told = shorten(str(error), 300, placeholder="...")
                raise Failed(f"{what}: no worker could end it ({type(error).__name__}: {told})") from error
            finally:
                opened = self._open.pop(number)
            assert isinstance(outcome, Outcome)
            if outcome.error is None:
                self._progress.elsewhere(stage, images - opened.images)
            return outcome

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        watcher = asyncio.create_task(self._watch())
        try:
            await work
        finally:
            watcher.cancel()

    async def _watch(self) -> None:
        while True:
            self._see_workers()
            with suppress(self._ray.exceptions.RayError):  # its machine died; a new one begins
                for number, counts in (await self._tally.take.remote()).items():
                    if opened := self._open.get(number):
                        self._progress.elsewhere(opened.stage, *opened.news(*counts))
            if self._open:
                newest = self._open[max(self._open)].what
                busy = min(len(self._open), self._workers)
                self._progress.doing(f"{plural(busy, 'worker')}, {newest}")
            await asyncio.sleep(TICK)

    def _see_workers(self) -> None:
        """Send more tasks where a cluster has grown."""
        self._workers = self._capacity()
        self._progress.pace.workers = max(1, self._workers)
        wanted = 2 * self._workers + WAITING
        for _ in range(wanted - self.at_once):
            self._slots.release()
        self.at_once = max(self.at_once, wanted)

    def _capacity(self) -> int:
        """Return how many tasks fit into the cluster as it is."""
        there = self._ray.cluster_resources()
        return int(min(there.get(name, 0.0) / amount for name, amount in self._needs.items()))

    def _remote(self, function: Any) -> Any:
        options = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
        needs = {options[resource]: amount for resource, amount in self._needs.items()}
        return self._ray.remote(max_retries=RETRIES, **needs)(function)


class InHand:
    """A task in hand, and what it has reported."""

    def __init__(self, stage: Stage, what: str) -> None:
        self.stage = stage
        self.what = what
        self.images = self._timed = self._seconds = 0.0

    def news(self, images: float, timed: float, seconds: float) -> tuple[float, float, float]:
        """Return what has been added; of a task that began anew less than nothing."""
        again = timed < self._timed
        added = images - self.images, timed - self._timed, seconds - self._seconds
        self.images, self._timed, self._seconds = images, timed, seconds
        return (added[0], timed, seconds) if again else added


def _perform(do: Do, key: str, orders: list[Any], task: Task, number: int, tally: Any) -> Outcome:
    """Do a task, on a worker."""

    def order() -> Order:
        found = _imported().get(orders[0])
        assert isinstance(found, Order)
        return found

    return do(key, order, task, lambda *counts: tally.put.remote(number, *counts))


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be connected to a cluster in the block; a process that is connected already stays so.

    Raises:
        UserError: Ray is not installed, or there is no cluster at the address.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        os.environ.setdefault(_LOOPBACK, "0")  # read when Ray is imported
    ray = _imported()
    if ray.is_initialized():
        yield
        return
    if address.startswith("ray://"):
        raise UserError(
            f"--address {address}: a client far from the cluster cannot share its folders: run the command "
            'on a machine of the cluster with --address auto, or send it there with "ray job submit"'
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, namespace="iqabench")
    except (ConnectionError, RuntimeError, ValueError) as error:
        told = shorten(str(error) or type(error).__name__, 300, placeholder="...")
        raise UserError(
            f"--address {address}: no Ray cluster can be reached ({told}): `ray start --head` begins one, as "
            "docs/cluster.md shows"
        ) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)  # Ray puts one of its own there
    try:
        yield
    finally:
        ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UserError(
            f'--engine ray needs Ray, which cannot be imported ({error}): pip install "iqabench[ray]"'
        ) from error
    return ray


def in_units(resources: Mapping[str, float]) -> str:
    """Return amounts of resources by name as people write them: `CPU 1, GPU 0.5, 8.0 GiB`."""
    parts = [
        f"{amount / GIB:.1f} GiB" if name == "memory" else f"{name} {amount:g}"
        for name, amount in resources.items()
    ]
    return ", ".join(parts) or "nothing"


def _needs(ray: Any, settings: Settings) -> dict[str, float]:
    """Return what a task needs of each resource."""
    engine, there = settings.engine, ray.cluster_resources()
    gpus = engine.gpus
    if gpus is None:
        gpus = 1.0 if there.get("GPU") and settings.run.device != "cpu" else 0.0
    needs = {"CPU": engine.cpus}
    needs |= {"GPU": gpus} if gpus else {}
    return needs | ({"memory": engine.memory * GIB} if engine.memory else {})
