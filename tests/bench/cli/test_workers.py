import os
import re
import signal
import subprocess
import time
from threading import Event, Thread

import pytest

from iqabench.bench.store.results import read_results

MODELS = "\n".join(f"[models.tiny{number}]\nlike = 'tiny'\nwidth = {number + 3}\n" for number in range(3))
MEETING = """
import os
import time
from pathlib import Path


def meet():
    place = Path(os.environ["PLACE_TO_MEET"])
    (place / str(os.getpid())).touch()
    late = time.monotonic() + 120
    while len(os.listdir(place)) < int(os.environ["EXPECTED"]) and time.monotonic() < late:
        time.sleep(0.05)
"""
FORWARD = "    def forward(self, images):\n"
MEET = "        if self.training and len(images) > 2:  # not in a rehearsal\n            meet()\n"


@pytest.fixture
def sweep(tiny_sweep, tiny_config, tiny_plugin, tmp_path, monkeypatch):
    """A sweep of three models whose training waits until as many processes as `EXPECTED` are at theirs."""
    (tmp_path / "place").mkdir()
    monkeypatch.setenv("PLACE_TO_MEET", str(tmp_path / "place"))
    monkeypatch.setenv("EXPECTED", "2")
    tiny_plugin.write_text(tiny_plugin.read_text().replace(FORWARD, FORWARD + MEET) + MEETING)
    models = 'models = ["tiny0", "tiny1", "tiny2"]'
    tiny_config.write_text(tiny_config.read_text().replace('models = ["tiny"]', models) + "\n" + MODELS)
    return ["run", *tiny_sweep]


def scores_of(store):
    frame = read_results(store).frame
    return frame.set_index(["model", "attack", "epsilon"])["mse"].sort_index()


def test_two_processes_divide_the_jobs_and_find_what_one_finds(sweep, iqabench, tmp_path, monkeypatch):
    both = iqabench(*sweep, "--results", str(tmp_path / "two"), "--workers", "2")
    output = both.output
    assert both.exit_code == 0, output
    # Every model's line is shown once, whoever trained it; this process trained some of them.
    for number in range(3):
        assert len(re.findall(rf"/ tiny{number}: trained in \d", output)) == 1, output
    assert "another process" not in output  # as was asked for
    assert re.search(r"\d+ computed by this process, \d+ found done", output), output
    (trained,) = re.findall(r"(\d) models? trained", output)
    assert int(trained) < 3, output
    monkeypatch.setenv("EXPECTED", "1")
    alone = iqabench(*sweep, "--results", str(tmp_path / "one"))
    assert "3 models trained" in alone.output
    found, expected = scores_of(tmp_path / "two"), scores_of(tmp_path / "one")
    assert found.index.equals(expected.index)
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-3)  # threads add in another order


def test_ctrl_c_stops_all_of_them(sweep, tiny_config, iqabench, tmp_path):
    tiny_config.write_text(tiny_config.read_text().replace("epochs = 3", "epochs = 100000"))
    results, ended = tmp_path / "results", Event()

    def press() -> None:
        while not ended.wait(0.1):
            if len(os.listdir(tmp_path / "place")) == 2:
                os.kill(os.getpid(), signal.SIGINT)
                return

    # Who started the tests may have told them to ignore Ctrl-C, as a shell does in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    pressing = Thread(target=press)
    pressing.start()
    try:
        output = iqabench(*sweep, "--results", str(results), "--workers", "2", exits=130).output
    finally:
        ended.set()
        pressing.join()
        signal.signal(signal.SIGINT, before)
    assert "run the same command again" in output
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if "--worker" in line.split() and str(results) in line]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_workers_end_with_the_process_that_started_them(sweep, tiny_config, start_iqabench, tmp_path, number):
    tiny_config.write_text(tiny_config.read_text().replace("epochs = 3", "epochs = 100000"))
    first = start_iqabench(*sweep, "--results", str(tmp_path / "results"), "--workers", "2")
    while first.poll() is None and len(os.listdir(tmp_path / "place")) < 2:
        time.sleep(0.1)
    os.kill(first.pid, number)
    output, _ = first.communicate(timeout=120)
    assert first.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 129), output
    (worker,) = {int(name) for name in os.listdir(tmp_path / "place")} - {first.pid}
    late = time.monotonic() + 120
    while is_running(worker) and time.monotonic() < late:
        time.sleep(0.1)
    assert not is_running(worker)


def is_running(process):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")
