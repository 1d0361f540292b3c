"""Long stages are rehearsed on two images; nothing that is computed depends on it."""

import pandas as pd
import pytest
import torch

from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.store.store import Store
from iqabench.bench.sweep import rehearsal
from iqabench.bench.sweep.engines.prepared import Sweep
from iqabench.bench.sweep.runner import run_sweep

CPU = torch.device("cpu")


@pytest.fixture
def settings(tiny_config, tiny_plugin, drawn_database, monkeypatch):
    monkeypatch.setitem(registry._PLUGINS, "models", {})
    registry.load_plugin(tiny_plugin)
    return load_settings(tiny_config, overrides={"run": {"datasets": [str(drawn_database)]}})


def test_all_that_a_job_has_left_is_rehearsed_and_only_if_it_is_long(settings, tmp_path):
    sweep = Sweep.prepare(settings, tmp_path)
    (job,) = sweep.jobs
    left = sweep.images_left(job, score=True)
    tests = len(job.data.test_rows)
    assert {stage.kind: count for stage, count in left.items()} == {
        "training": 3 * 4 * (len(job.data.training.rows) // 4),
        "scoring": tests,
        "fgsm": 2 * tests,
        "pgd": 2 * tests,
    }
    many = dict.fromkeys(left, 1000.0)
    seconds = dict(rehearsal.rehearse(job, many, CPU))
    assert seconds.keys() == left.keys()
    assert all(value > 0 for value in seconds.values())
    only = {stage: 1000.0 for stage in left if stage.kind == "pgd"}
    assert rehearsal_kinds(job, only) == {"pgd"}
    assert rehearsal_kinds(job, dict.fromkeys(left, 99.0)) == set()


def rehearsal_kinds(job, left):
    return {stage.kind for stage, _ in rehearsal.rehearse(job, left, CPU)}


def test_an_attack_without_a_radius_is_not_rehearsed(settings, tmp_path):
    run = settings.run.model_copy(update={"epsilons": [0.0]})
    sweep = Sweep.prepare(settings.model_copy(update={"run": run}), tmp_path)
    (job,) = sweep.jobs
    left = dict.fromkeys(sweep.images_left(job, score=True), 1000.0)
    assert rehearsal_kinds(job, left) == {"training", "scoring"}
    assert rehearsal_kinds(job, {}) == set()


def test_a_rehearsed_sweep_has_the_scores_of_one_that_is_not(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsal, "LARGEST_SHARE", 1e9)
    scores = []
    for name, show in (("shown", True), ("hidden", False)):
        run_sweep(settings, tmp_path / name, show=show)
        cells = list(Store(tmp_path / name).cells())
        scores.append({cell.provenance["key"]: list(pd.read_parquet(cell.path)["score"]) for cell in cells})
    assert len(scores[0]) == 5
    assert scores[0] == scores[1]
