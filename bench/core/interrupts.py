"""Stop when the user or a scheduler asks for it, at a moment at which nothing is lost."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_SIGNALS = (signal.SIGINT, *_ENDING)
_asked: list[int] = []  # signals that were put off


class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal of this number; it ends as by Ctrl-C.

    Schedulers send SIGTERM; SIGHUP comes when the terminal is closed.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def terminating() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated` in the block, unless they are ignored, as under nohup."""
    if current_thread() is not main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    heeded = [number for number, before in handlers.items() if before != signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, handlers[number])


@contextmanager
def finishing(what: str) -> Iterator[None]:
    """Put off Ctrl-C, SIGTERM and SIGHUP in the block until it calls `stop_if_asked`, or ends.

    A second signal stops at once. Nothing is put off in a thread other than the main one, which signals do
    not reach, or where the caller handles the signals itself. `what` is a phrase that names what is waited
    for.
    """
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    put_off = [
        number for number, before in handlers.items() if before in (signal.default_int_handler, _raise)
    ]
    if current_thread() is not main_thread() or not put_off:
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if _asked:
            _raise(number, frame)
        _asked.append(number)
        with suppress(OSError):  # of a terminal that was closed
            print(f"\nFinishing {what}; once more stops at once.", file=sys.stderr, flush=True)

    for number in put_off:
        signal.signal(number, ask)
    try:
        yield
        stop_if_asked()
    finally:
        _asked.clear()
        for number in put_off:
            signal.signal(number, handlers[number])


def stop_if_asked(keep: Callable[[], None] = lambda: None) -> None:
    """Stop if a signal was put off, after writing what is done to disk by `keep`."""
    if _asked:
        keep()
        _raise(_asked[0], None)


def _raise(number: int, frame: FrameType | None) -> Any:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)
