"""A sweep that is killed, stopped or shares its store gives the numbers of an unbroken one."""

import os
import signal
import subprocess
import sys
import time

import pytest

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
    # while attacking, and once more after that. The first run decodes 40 images before.
    for step in (40 + 12, 29, 8):
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
    processes = [start_iqabench("run", *tiny_sweep, "--results", str(shared)) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    trained = sum("1 models trained" in output for output in outputs)
    assert trained == 1
    assert_same_scores(finished, shared)
    assert len(list(shared.rglob("*.parquet"))) == len(list(finished.rglob("*.parquet")))


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_stop_cleanly_and_say_how_to_resume(
    start_iqabench, tiny_sweep, tiny_config, tmp_path, sent, status
):
    tiny_config.write_text(tiny_config.read_text().replace("epochs = 3", "epochs = 100000"))
    results = tmp_path / "results"
    process = start_iqabench("run", *tiny_sweep, "--results", str(results))
    while process.poll() is None and not list(results.rglob("*.lock")):
        time.sleep(0.1)
    time.sleep(1)
    os.kill(process.pid, sent)
    output, _ = process.communicate(timeout=60)
    # Python ends by the signal itself where Ctrl-C comes in an import; a shell sees the same status.
    assert process.returncode in (status, -sent), output
    assert "run the same command again to go on from there" in output
    assert "Traceback" not in output
