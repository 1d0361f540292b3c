"""Limits of a call of a command: of time, of memory, and of what it may print."""

import re
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import Result

from .workspace import Workspace

MORE_SECONDS = 10.0  # than three times as long as with the honest file, since the machine may be busy
PATIENCE = 240.0  # seconds; `--models all` trains every model there is
MORE_MEMORY = 1 << 30
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal acts on, but for the tabulator and the end of a line."""


class TookLongError(BaseException):
    """No command can mistake it for an error of its own."""


def called(workspace: Workspace, command: list[str], seconds: float) -> Result:
    """Call a command within limits, and check that it ended with a status and without a traceback."""
    with workspace.entered(), limited(seconds, command), warnings.catch_warnings():
        warnings.simplefilter("error")
        result = workspace.invoke(command)
    if not (result.exception is None or isinstance(result.exception, SystemExit)):
        raise result.exception
    assert result.exit_code in (0, 1, 2), result.output
    assert "Traceback" not in result.output
    assert not CONTROL.search(result.output), result.output
    return result


def the_error(result: Result) -> str:
    """Return the error of a call that failed, which is one paragraph."""
    (error,) = re.findall(r"^Error: (.*)", result.stderr, re.DOTALL | re.MULTILINE)
    assert "\n\n" not in error.strip(), error
    assert len(error) < 2000, error
    return str(error)


@contextmanager
def limited(seconds: float, command: list[str]) -> Iterator[None]:
    """Let a call take so many seconds, and MORE_MEMORY more than is in use."""

    def late(*_: object) -> None:
        raise TookLongError(f"{command} took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with _limited_memory():
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _limited_memory() -> Iterator[None]:
    """Watch the process's memory where the system tells its peak; elsewhere do nothing."""
    if not sys.platform.startswith("linux"):
        yield
        return
    in_use = _status("VmSize")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    start = _status("VmRSS")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 6 * MORE_MEMORY, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    taken = _status("VmHWM") - start
    assert taken < MORE_MEMORY, f"took {taken / 2**20:.0f} MiB"


def _status(name: str) -> int:
    (kibibytes,) = re.findall(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kibibytes) << 10
