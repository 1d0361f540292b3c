"""What the user sees while a sweep runs: one bar with the time left, and a line per finished model."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm


class Progress:
    """A bar over the work of a whole sweep, in passes: one forward or backward pass of one image.

    Counting passes rather than cells makes the time left meaningful, because PGD costs many times what
    clean scoring does. Where standard error is no terminal only the lines are printed.
    """

    def __init__(self, total_passes: float, *, show: bool = True) -> None:
        self._show = show
        self._bar: Any = tqdm(
            total=total_passes,
            disable=not (show and sys.stderr.isatty()),
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            mininterval=0.3,
            dynamic_ncols=True,
        )

    def doing(self, what: str) -> None:
        """Say what is being done, beside the bar."""
        self._bar.set_postfix_str(f" {what}", refresh=False)

    def advance(self, passes: float) -> None:
        """So many passes are done."""
        self._bar.update(passes)

    def line(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        if self._show:
            with tqdm.external_write_mode(file=sys.stderr):
                print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


@contextmanager
def progress_over(total_passes: float, *, show: bool) -> Iterator[Progress]:
    """A `Progress` that is closed whatever happens."""
    progress = Progress(total_passes, show=show)
    try:
        yield progress
    finally:
        progress.close()
