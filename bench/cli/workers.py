"""Starts further processes for a sweep: they run the same command, and divide its jobs through the store."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import IO

from tqdm import tqdm

from ..core.interrupts import Terminated
from ..core.text import printable

WORKER = "--worker"
PATIENCE = 60.0  # seconds that a worker has to keep what it has done


@contextmanager
def working_together(arguments: Sequence[str], workers: int) -> Iterator[None]:
    """Run the command in further processes, too, while the block runs.

    There are `workers` processes, this one included. Each takes jobs that no other process works on, and has
    its share of the cores. Their messages appear among those of this process. If the block ends before they
    do, they are stopped by SIGTERM.
    """
    if workers < 2:
        yield
        return
    import torch

    threads = max(1, (os.cpu_count() or 1) // workers)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    others = [_start(arguments, threads) for _ in range(workers - 1)]
    tellers = [Thread(target=_tell, args=(worker.stderr,), daemon=True) for worker in others]
    for teller in tellers:
        teller.start()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        for worker in others:
            worker.terminate()
        for worker, teller in zip(others, tellers, strict=True):
            try:
                worker.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                worker.kill()
            teller.join(PATIENCE)
            for pipe in filter(None, (worker.stdin, worker.stderr)):
                pipe.close()


@contextmanager
def ended_by_the_first() -> Iterator[None]:
    """End a worker silently when the process that started it asks for it, or has ended, however it did."""
    Thread(target=_end_with_the_first, daemon=True).start()
    try:
        yield
    except Terminated:
        sys.exit(0)


def _end_with_the_first() -> None:
    os.read(0, 1)  # of a pipe that nobody writes into: it ends with the process that holds its other end
    os.kill(os.getpid(), signal.SIGTERM)


def _start(arguments: Sequence[str], threads: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "iqabench", *arguments, WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        start_new_session=True,  # Ctrl-C goes to this process, which stops the others
    )


def _tell(lines: IO[str] | None) -> None:
    for line in lines or ():
        with tqdm.external_write_mode(file=sys.stderr):
            print(printable(line.rstrip("\n")), file=sys.stderr, flush=True)
