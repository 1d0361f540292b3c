"""A task in another process: what it needs there, and what it says where it is not there."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.core.errors import UserError
from iqabench.bench.core.pace import Stage
from iqabench.bench.sweep.engines import remote
from iqabench.bench.sweep.engines.pool import InHand, connected, in_units
from iqabench.bench.sweep.engines.remote import Order, Task, perform


@pytest.fixture
def order(planned, drawn_database, tiny_config, tmp_path, monkeypatch):
    """The order of a sweep of the linear model, and what a driver sends first of it."""
    sweep = planned("store")
    (tmp_path / "store").mkdir(exist_ok=True)
    monkeypatch.setattr(remote, "_PROCESS", {})
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield Order(sweep.settings, tmp_path / "store", tmp_path, (tmp_path / "plugin.py",), None)
    torch.set_num_threads(threads)


def outcome_of(order, task):
    return perform("sweep", lambda: order, task, lambda *counts: None)


def task_of(sweep, name):
    (job,) = sweep.jobs
    works = sweep.measurements(job)
    number = [work.name for work in works].index(name)
    return Task(0, work=number, keys=tuple(cell.key for cell in works[number].cells))


def test_a_task_leaves_cells_their_metrics_and_what_is_to_be_said(planned, order):
    outcome = outcome_of(order, task_of(planned("store"), "fgsm"))
    assert outcome.error is None
    assert set(outcome.shown) == {"fgsm 1/255", "fgsm 4/255"}
    assert len(outcome.metrics) == len(outcome.files) == 2


def test_a_defence_that_learns_is_trained_by_its_number_where_only_training_is_asked_for(
    planned, order, tiny_config
):
    text = "[attacks.transfer]\nsource = 'resnet'\n[defences.denoiser]\ndepth = 2\nwidth = 4\n"
    tiny_config.write_text(tiny_config.read_text() + text)
    sweep = planned("store", attacks=["transfer"], defences=["denoiser"])
    needed = [job.model.name for job in sweep.jobs[0].needed(score=False)]
    outcome = outcome_of(replace(order, settings=sweep.settings), Task(0, model=1 + needed.index("denoiser")))
    assert outcome.error is None
    assert [path.name.split("-")[0] for path in outcome.files] == ["denoiser"] * 2


def test_a_process_that_would_compute_other_cells_computes_none(planned, order):
    task = replace(task_of(planned("store"), "fgsm"), keys=("0" * 20,))
    outcome = outcome_of(order, task)
    assert "plans other cells" in outcome.error
    assert not list(order.results.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "0.0"}, "and 0.0 on"),
        ({"folder": Path("/nowhere")}, "/nowhere: no such folder; all machines of a cluster need the same"),
        ({"plugins": (Path("lost.py"),)}, "--plugin lost.py: no such file"),
        ({"host": "head", "plugins": (Path("lost.py"),)}, "on "),
    ],
)
def test_what_a_machine_lacks_is_said(planned, order, change, message):
    outcome = outcome_of(replace(order, **change), task_of(planned("store"), "fgsm"))
    assert message in outcome.error


def test_what_a_task_that_began_anew_had_counted_is_taken_back():
    opened = InHand(Stage("fgsm"), "")
    assert opened.news(10, 8, 4.0) == (10, 8, 4.0)
    assert opened.news(14, 12, 6.0) == (4, 4, 2.0)
    assert opened.news(5, 3, 1.0) == (-9, 3, 1.0)  # images back; what was timed counts


def test_without_ray_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r'needs Ray.*pip install "iqabench\[ray\]"'), connected("auto"):
        pass


def test_a_client_from_far_is_refused():
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with pytest.raises(UserError, match="cannot share its folders"), connected("ray://head:10001"):
        pass


def test_what_is_registered_in_this_process_only_is_not_sent(monkeypatch, tiny_plugin):
    monkeypatch.setitem(registry._PLUGINS, "models", {})
    registry.load_plugin(tiny_plugin)
    assert registry.plugin_files() == [tiny_plugin]
    registry.register_model("here")(dict)
    with pytest.raises(UserError, match="model 'here' is registered in this process only"):
        registry.plugin_files()


def test_the_table_says_what_a_task_needs(tmp_path):
    (tmp_path / "c.toml").write_text("[run]\nengine = 'ray'\n[engine]\ncpus = 2\ngpus = 0.5\nmemory = 8\n")
    settings = load_settings(tmp_path / "c.toml")
    assert settings.run.engine == "ray"
    assert (settings.engine.cpus, settings.engine.gpus, settings.engine.memory) == (2, 0.5, 8)
    (tmp_path / "c.toml").write_text("[engine]\nshard = 0\n")
    with pytest.raises(UserError, match=r"c.toml: \[engine\]: key 'shard'"):
        load_settings(tmp_path / "c.toml")


def test_what_a_task_needs_and_a_cluster_lacks_is_told_in_its_units():
    assert in_units({"CPU": 1, "GPU": 0.5, "memory": 8 * 2**30}) == "CPU 1, GPU 0.5, 8.0 GiB"
    assert in_units({}) == "nothing"
