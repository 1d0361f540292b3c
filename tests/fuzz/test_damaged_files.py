"""Whatever is in a file, no command shows a traceback, hangs or takes much memory.

A call that fails names the file in one paragraph. `IQABENCH_FUZZ=1000 pytest tests/fuzz` tries so many
damages of each kind of file instead of a few.
"""

import os
import re
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .damage import damages
from .workspace import KINDS, Workspace

EXAMPLES = int(os.environ.get("IQABENCH_FUZZ", "0"))
MORE_SECONDS = 10.0  # than three times as long as with the honest file, since the machine may be busy
MORE_MEMORY = 1 << 30
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal acts on, but for the tabulator and the end of a line."""


class TookLongError(BaseException):
    """No command can mistake it for an error of its own."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder with a file of every kind."""
    return Workspace(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_to_a_file_shows_a_traceback_hangs_or_takes_much_memory(workspace, kind):
    @settings(
        max_examples=EXAMPLES or 2,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=[Phase.generate],  # a smaller damage would take minutes to find, and tells no more
    )
    @given(st.data())
    def examine(data: st.DataObject) -> None:
        read = KINDS[kind]
        files = workspace.restore(read)
        command = data.draw(st.sampled_from(read.commands), "command")
        allowed = 3 * workspace.honest_seconds(command, read) + MORE_SECONDS
        files = workspace.restore(read)
        file = data.draw(st.sampled_from(files), "file")
        data.draw(damages(file), "damage")(file)
        if kind == "configuration" and workspace.asks_for_other_work():
            command = read.commands[0]
        with workspace.entered(), limited(allowed), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = workspace.invoke(command)
        if not (result.exception is None or isinstance(result.exception, SystemExit)):
            raise result.exception
        assert result.exit_code in (0, 1, 2), result.output
        assert "Traceback" not in result.output
        assert not CONTROL.search(result.output), result.output
        nothing_to_compare = command.startswith("check") and result.stdout  # a verdict, not an error
        if result.exit_code == 2 and not nothing_to_compare:
            (error,) = re.findall(r"^Error: (.*)", result.stderr, re.DOTALL | re.MULTILINE)
            assert "\n\n" not in error.strip(), error
            assert len(error) < 2000, error
            assert file.name in error or file.stem in error, error

    examine()


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Let a call take so many seconds, and MORE_MEMORY more than is in use."""

    def late(*_: object) -> None:
        raise TookLongError(f"took more than {seconds:.0f} s")

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
