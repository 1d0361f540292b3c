"""Shows the user that work goes on: one bar with the time left, and a line per finished model."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Literal, TypeVar

from tqdm import tqdm

from .pace import Pace, Stage
from .text import printable

Item = TypeVar("Item")
Show = bool | Literal["lines"]
LOG = logging.getLogger("iqabench.progress")
"""Gets every line (level INFO) and the beginning of every stage (DEBUG), whether they are shown or not."""

SIGN_OF_LIFE = 30.0  # seconds between two lines where there is no terminal for a bar


class Progress:
    """A bar over images, or other units, and the time left; it appears after `delay` seconds of work.

    Where standard error is not a terminal there are lines only: those that stay, and every half minute one
    that says what is being done, even while nothing is counted as done. To show "lines" is to show those that
    stay, and no bar.
    """

    def __init__(self, *, show: Show = True, delay: float = 0.0, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._show = bool(show)
        self._tells = show is True
        self._what = ""
        self._last_line = time.monotonic()
        self._bar: Any = tqdm(
            total=1,
            disable=not (self._tells and sys.stderr.isatty()),
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}, {desc}{postfix}",
            mininterval=0.3,
            delay=delay,
            dynamic_ncols=True,
        )
        self._closed = Event()
        if self._tells and self._bar.disable:
            Thread(target=self._tell, daemon=True, name="progress").start()

    def begin(self, stage: Stage, what: str) -> None:
        """Go over to a stage of the work, and say what is being done."""
        self.pace.begin(stage)
        LOG.debug(what)
        self.doing(what)

    def doing(self, what: str) -> None:
        """Say what is being done, after the bar."""
        self._what = what
        self._bar.set_postfix_str(f" {printable(what)}", refresh=False)

    def advance(self, images: float) -> None:
        """Count images as done."""
        self.pace.advance(images)
        self._draw()

    def elsewhere(self, stage: Stage, images: float, timed: float = 0.0, seconds: float = 0.0) -> None:
        """Count images of a stage that another process did; as `Pace.elsewhere` takes them."""
        self.pace.elsewhere(stage, images, timed, seconds)
        self._draw()

    def _draw(self) -> None:
        if self._bar.disable:
            self._tell_after(SIGN_OF_LIFE)
            return
        self._bar.total = self.pace.total
        self._bar.set_description_str(self._left(), refresh=False)
        self._bar.update(self.pace.done - self._bar.n)

    def skip(self, images: float) -> None:
        """Count images as done by an earlier run."""
        self.pace.skip(images)

    def line(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        self._last_line = time.monotonic()
        LOG.info(text)
        if self._show:
            with tqdm.external_write_mode(file=sys.stderr):
                print(printable(text), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._closed.set()
        self._bar.close()

    def _tell(self) -> None:
        often = SIGN_OF_LIFE / 10
        while not self._closed.wait(often):
            self._tell_after(SIGN_OF_LIFE - often)

    def _tell_after(self, seconds: float) -> None:
        if self._tells and self._what and time.monotonic() - self._last_line > seconds:
            self.line(f"{self.pace.done / max(1.0, self.pace.total):4.0%}, {self._left()}: {self._what}")

    def _left(self) -> str:
        seconds = self.pace.seconds_left()
        return "time left not known yet" if seconds is None else f"{tqdm.format_interval(seconds)} left"


@contextmanager
def progress_over(images: int = 0, *, show: Show, delay: float = 0.0) -> Iterator[Progress]:
    """Make a `Progress` that is closed whatever happens."""
    progress = Progress(show=show, delay=delay)
    if images:
        progress.pace.expect("", {Stage(""): images})
    try:
        yield progress
    finally:
        progress.close()


def counted(items: Iterable[Item], what: str, total: int, *, delay: float = 2.0) -> Iterator[Item]:
    """Yield items, and show how many of them are done."""
    with progress_over(total, show=True, delay=delay) as progress:
        progress.doing(what)
        for item in items:
            yield item
            progress.advance(1)
