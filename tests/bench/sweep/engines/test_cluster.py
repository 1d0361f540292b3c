"""The engine on a Ray cluster of three nodes on this machine, of which some are killed."""

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch

from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.sweep.runner import run_sweep
from iqabench.tests.bench.sweep.conftest import assert_same_scores
from iqabench.tests.conftest import TINY_PLUGIN, draw_database, forget_plugins

KILLS = "IQABENCH_KILLS"
"""Variable of the environment: how many nodes are killed at random moments; without it none are."""

PLUGIN = (
    TINY_PLUGIN
    + """

import time


class Untrained(Tiny):
    recipe = "none"
    seconds = 0.0

    def __init__(self) -> None:
        super().__init__()
        for weight in self.parameters():
            nn.init.constant_(weight, 0.1)

    def forward(self, images):
        time.sleep(self.seconds)
        return super().forward(images)


@iqabench.register_model("slow")
class Slow(Untrained):
    seconds = 0.05


@iqabench.register_model("failing")
class Failing(Untrained):
    def forward(self, images):
        if len(images) == 3 and images.requires_grad:
            raise RuntimeError("no gradient of three")
        return super().forward(images)
"""
)

CONFIG = """
[run]
attacks = ["fgsm", "apgd"]
epsilons = [1, 4]
image_size = 24
batch_size = 3
device = "cpu"

[training]
epochs = 1
batch_size = 4
learning_rate = 1e-2
pretrained = false

[attacks.apgd]
steps = 3

[engine]
shard = 3
"""


NODE = {"node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000, "include_log_monitor": False}


class Cluster:
    """Three nodes on 127.0.0.1: a head that does no task, and two workers of one core."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster as RayCluster

        head = {"num_cpus": 0, "include_dashboard": False, **NODE}
        self.ray = RayCluster(initialize_head=True, head_node_args=head)
        self._workers = [self._grow(), self._grow()]

    def _grow(self) -> Any:
        return self.ray.add_node(num_cpus=1, wait=False, **NODE)

    def kill(self, index: int) -> None:
        """Kill a worker, and begin a new one in its place."""
        self.ray.remove_node(self._workers[index], allow_graceful=False)
        self._workers[index] = self._grow()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    # Ray's sockets lie in its folder, and a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as ours, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", ours)
        # Drivers here and in other processes use 127.0.0.1; Ray reads the variable when it is imported.
        patch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", False)
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a token into the home folder
        patch.setenv("OMP_NUM_THREADS", "1")
        started = Cluster()
        yield started
        started.ray.shutdown()


Command = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, a plugin and a configuration."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "tiny.toml").write_text(CONFIG)
    draw_database(folder)
    return folder


@pytest.fixture
def command(cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return the arguments of a sweep on the cluster from that folder, with paths that are relative to it."""
    monkeypatch.chdir(folder)

    def arguments(models: str, store: str) -> list[str]:
        return [
            *("run", "--config", "tiny.toml", "--plugin", "plugin.py", "--datasets", "drawn.csv"),
            *("--models", models, "--results", store, "--engine", "ray", "--address", cluster.ray.address),
        ]

    return arguments


@pytest.fixture(scope="module")
def alone(folder: Path) -> Path:
    """The store that the local engine fills."""
    with pytest.MonkeyPatch.context() as patch:
        forget_plugins(patch)
        registry.load_plugin(folder / "plugin.py")
        run = {"models": ["tiny", "slow"], "datasets": [str(folder / "drawn.csv")]}
        settings = load_settings(folder / "tiny.toml", overrides={"run": run})
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        run_sweep(settings, folder / "alone", show=False)
        torch.set_num_threads(before)
    return folder / "alone"


def ended(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=180)
    return output


def cells_in(store: Path) -> int:
    return len(list((store / "cells").rglob("*.parquet")))


def wait_for(what: Callable[[], Any], process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 120
    while not what():
        assert process.poll() is None, ended(process)
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def test_a_cluster_finds_what_one_process_finds_and_an_error_of_one_attack_does_not_end_the_others(
    command, iqabench, folder, alone
):
    output = iqabench(*command("failing,tiny", "cluster"), exits=2).output
    assert "drawn / failing: failed: RuntimeError: no gradient of three" in output, output
    assert "1 of 2 jobs failed, as said above: drawn / failing" in output
    assert "6 computed, 0 found done; 1 model trained" in output  # its clean scores, too
    (clean,) = (folder / "cluster" / "cells").rglob("failing/*.parquet")
    clean.unlink()
    assert_same_scores(folder / "cluster", alone, models=["tiny"])
    left = {path.parent for path in (folder / "cluster" / "partial").rglob("*") if path.is_file()}
    assert len(left) == 1  # what was found of the job that failed


def test_a_killed_node_costs_no_cell_and_after_the_driver_is_killed_the_same_command_goes_on(
    command, iqabench, start_iqabench, folder, alone, cluster, monkeypatch
):
    monkeypatch.setenv("IQABENCH_STORES", str(folder / "copies"))
    monkeypatch.setenv("FSSPEC_LOCAL_AUTO_MKDIR", "true")  # which fsspec reads when it is imported
    monkeypatch.setitem(fsspec.config.conf, "local", {"auto_mkdir": True})
    bucket = folder / "bucket"
    arguments = command("tiny,slow", f"local://{bucket}")
    process = start_iqabench(*arguments)
    wait_for(lambda: list(folder.glob("copies/*")), process)
    (store,) = folder.glob("copies/*")
    wait_for(lambda: list(store.rglob("partial/**/*.partial")), process)
    cluster.kill(0)
    seen = cells_in(store)
    wait_for(lambda: cells_in(store) > seen, process)
    process.send_signal(signal.SIGKILL)
    ended(process)
    before = cells_in(store)
    assert 0 < before < 10
    assert before - 3 < cells_in(bucket) <= before, "what is done is in the bucket"
    output = iqabench(*arguments, exits=0).output
    assert f"{10 - before} computed, {before} found done" in output
    assert_same_scores(store, alone)
    assert_same_scores(bucket, alone)
    assert len(list(bucket.rglob("*.safetensors"))) == 1
    assert not (bucket / "partial").exists()


@pytest.mark.skipif(KILLS not in os.environ, reason=f"takes minutes: {KILLS}=20 kills 20 nodes")
def test_nodes_killed_at_random_moments_cost_no_cell(command, start_iqabench, folder, alone, cluster):
    left, number = int(os.environ[KILLS]), 0
    draw = random.Random(0)
    while left:
        number += 1
        process = start_iqabench(*command("tiny,slow", f"random{number}"))
        while process.poll() is None and left:
            time.sleep(draw.uniform(0, 12))
            if process.poll() is None:
                cluster.kill(draw.randrange(2))
                left -= 1
        output = ended(process)
        assert process.returncode == 0, output
        assert_same_scores(folder / f"random{number}", alone)
    print(f"{os.environ[KILLS]} nodes killed in {number} sweeps")
