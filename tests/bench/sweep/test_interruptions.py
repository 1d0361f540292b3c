"""A sweep that is killed, stopped or shares its store gives the numbers of an unbroken one."""

import os
import signal
import subprocess
import sys
import time

import pytest

from iqabench.bench.core.progress import Progress

from .conftest import assert_same_scores

# `iqabench`, saving its state at every opportunity, killed at the N-th progress it makes.
KILLED_SWEEP = """
import os, signal, sys
from iqabench.bench.core import progress
from iqabench.bench.sweep.measuring import partial
from iqabench.bench.training import snapshot
from iqabench.bench.cli.main import main

partial.SAVE_EVERY = 0
snapshot.Snapshot.__init__.__defaults__ = (0.0,)
steps_left = int(sys.argv.pop(1))


def advance(self, images):
    global steps_left
    steps_left -= 1
    if steps_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


progress.Progress.advance = advance
main()
"""


def test_kill_at_any_moment_and_a_rerun_gives_the_numbers_of_an_unbroken_run(
    iqabench, tiny_sweep, finished, tmp_path
):
    broken = tmp_path / "broken"
    (tmp_path / "killed.py").write_text(KILLED_SWEEP)
    left_behind: set[str] = set()
    # An epoch takes 8 steps; then clean scoring, FGSM and PGD take a handful each. So: in the second epoch,
    # and while attacking. The first run decodes 40 images before.
    for step in (40 + 12, 29):
        command = [sys.executable, str(tmp_path / "killed.py"), str(step)]
        killed = subprocess.run([*command, "run", *tiny_sweep, "--results", str(broken)], check=False)
        assert killed.returncode == -signal.SIGKILL
        left_behind |= {path.suffix for path in broken.rglob("*")}
    assert left_behind >= {".training", ".safetensors", ".parquet", ".partial"}
    iqabench("run", *tiny_sweep, "--results", str(broken), exits=0)
    assert_same_scores(finished, broken)
    assert not list(broken.rglob("*.partial"))
    assert not list(broken.rglob("*.training"))


def test_two_processes_share_one_store(iqabench, start_iqabench, tiny_sweep, finished, tmp_path):
    shared = tmp_path / "shared"
    command = ("run", *tiny_sweep, "--results", str(shared))
    other = start_iqabench(*command)
    wait_for_training(other, shared)
    outputs = [iqabench(*command, exits=0).output, other.communicate()[0]]
    assert other.returncode == 0, outputs
    trained = sum("1 model trained" in output for output in outputs)
    assert trained == 1
    assert_same_scores(finished, shared)
    assert len(list(shared.rglob("*.parquet"))) == len(list(finished.rglob("*.parquet")))


PLUGIN = """

from pathlib import Path

@iqabench.register_attack("counting")
class Counting(iqabench.Attack):
    def run(self, victim, epsilons):
        calls = Path(__file__).with_name("calls")
        done = calls.read_text() if calls.exists() else ""
        if len(done) == 2 and not Path(__file__).with_name("again").exists():
            raise RuntimeError("interrupted")
        calls.write_text(done + "x")
        yield from (victim.images for _ in epsilons)
"""


@pytest.mark.parametrize(("days", "batches"), [(0, 2), (8, 4)])
def test_a_sweep_with_other_settings_leaves_what_an_interrupted_one_measured_for_a_week(
    sweep, tmp_path, monkeypatch, days, batches
):
    monkeypatch.setattr("iqabench.bench.sweep.measuring.partial.SAVE_EVERY", 0)
    options = ("--models", "linear", "--attacks", "counting", "--epsilons", "4", "--limit")
    sweep(*options, "8", exits=70)
    (left,) = (tmp_path / "results").rglob("*.partial")
    os.utime(left, (time.time() - 86400 * days,) * 2)
    (tmp_path / "again").touch()
    sweep(*options, "4")
    (tmp_path / "calls").unlink()
    sweep(*options, "8")
    assert len((tmp_path / "calls").read_text()) == batches
    assert not list((tmp_path / "results").rglob("*.partial"))


def wait_for_training(process, results):
    while process.poll() is None and not list(results.rglob("*.lock")):
        time.sleep(0.05)


@pytest.fixture
def endless_sweep(tiny_sweep, tiny_config, tmp_path):
    """A sweep whose training does not end."""
    tiny_config.write_text(tiny_config.read_text().replace("epochs = 3", "epochs = 100000"))
    return ["run", *tiny_sweep, "--results", str(tmp_path / "results")]


RESUME = "run the same command again to go on from there"


def test_ctrl_c_stops_cleanly_and_says_how_to_resume(start_iqabench, endless_sweep, tmp_path):
    process = start_iqabench(*endless_sweep)
    wait_for_training(process, tmp_path / "results")
    time.sleep(1)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    # Python ends by the signal itself where Ctrl-C comes in an import; a shell sees the same status.
    assert process.returncode in (130, -signal.SIGINT), output
    assert RESUME in output
    assert "Traceback" not in output


def test_sigterm_stops_cleanly_and_says_how_to_resume(iqabench, endless_sweep, monkeypatch):
    steps = iter(range(60))

    def advance(self, images):
        if next(steps) == 50:  # while it trains, for 40 images are decoded before
            os.kill(os.getpid(), signal.SIGTERM)

    def unhandled(*_):
        pytest.fail("the signal would have ended the process at once")

    monkeypatch.setattr(Progress, "advance", advance)
    before = signal.signal(signal.SIGTERM, unhandled)
    output = iqabench(*endless_sweep, exits=143).output
    assert signal.signal(signal.SIGTERM, before) is unhandled, "the command puts back what it found"
    assert RESUME in output
    assert "Traceback" not in output
