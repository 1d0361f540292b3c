"""What the user sees while a sweep runs: one bar with the time left, and a line per finished model."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

SIGN_OF_LIFE = 30.0  # seconds between two lines where there is no terminal for a bar


class Progress:
    """A bar over the work of a whole sweep, in images: trained on or scored once.

    Where standard error is no terminal there are lines only: those that stay, and every
    half minute one of what is being done.

    Args:
        total_images: Of the whole work.
        show: Whether to show anything.
        delay: Seconds of work after which the bar appears.
    """

    def __init__(self, total_images: float, *, show: bool = True, delay: float = 0.0) -> None:
        self._show = show
        self._total = total_images
        self._done = 0.0
        self._what = ""
        self._last_line = time.monotonic()
        self._bar: Any = tqdm(
            total=total_images,
            disable=not (show and sys.stderr.isatty()),
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            mininterval=0.3,
            delay=delay,
            dynamic_ncols=True,
        )

    def doing(self, what: str) -> None:
        """Say what is being done, beside the bar."""
        self._what = what
        self._bar.set_postfix_str(f" {what}", refresh=False)

    def advance(self, images: float) -> None:
        """Count images as done."""
        self._done += images
        self._bar.update(images)
        if self._bar.disable and time.monotonic() - self._last_line > SIGN_OF_LIFE:
            self.line(f"{min(1.0, self._done / max(1.0, self._total)):4.0%} {self._what}")

    def line(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        self._last_line = time.monotonic()
        if self._show:
            with tqdm.external_write_mode(file=sys.stderr):
                print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


@contextmanager
def progress_over(total_images: float, *, show: bool, delay: float = 0.0) -> Iterator[Progress]:
    """A `Progress` that is closed whatever happens."""
    progress = Progress(total_images, show=show, delay=delay)
    try:
        yield progress
    finally:
        progress.close()
