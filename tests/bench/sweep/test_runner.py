"""The sweep as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iqabench.attacks.pgd import PGD
from iqabench.bench.datasets.adapters.csv_table import CsvTable
from iqabench.bench.store import metric_cache
from iqabench.bench.store.results import read_results, results_table
from iqabench.bench.store.store import Store

ODD_PLUGIN = """
import torch
from torch import nn
import iqabench


class Fixed(nn.Module):
    recipe = "none"

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(self.start))

    def forward(self, images):
        return images.mean(dim=(1, 2, 3)) * 0 + self.value


@iqabench.register_model("nan")
class NaN(Fixed):
    start = float("nan")


@iqabench.register_model("constant")
class Constant(Fixed):
    start = 0.5


@iqabench.register_model("percent")
class Percent(Fixed):
    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, images):
        return 100 * images.mean(dim=(1, 2, 3))
"""

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

WRONG_PLUGIN = """
import torch
from torch import nn
import iqabench


@iqabench.register_model("column")
class Column(nn.Module):
    def forward(self, images):
        return images.mean(dim=(1, 2, 3)).unsqueeze(1)


@iqabench.register_model("grey")
class Grey(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 3)

    def forward(self, images):
        return self.convolution(images).mean(dim=(1, 2, 3))


@iqabench.register_model("broken")
class Broken(nn.Module):
    def __init__(self) -> None:
        raise RuntimeError("no luck")
"""

STOCHASTIC_PLUGIN = """
import torch
from torch import nn
import iqabench


@iqabench.register_model("random")
class Random(nn.Module):
    recipe = "none"
    stochastic = True

    def forward(self, images):
        brightness = images.mean(dim=(1, 2, 3))
        return torch.sigmoid(brightness + torch.randn_like(brightness))
"""


def scores_by_cell(results: Path) -> dict[tuple[str, str, float], pd.DataFrame]:
    cells = {}
    for stored in Store(results).cells():
        cell = stored.provenance["cell"]
        cells[cell["model"], cell["attack"], cell["epsilon"]] = pd.read_parquet(stored.path)
    return cells


def assert_same_scores(first: Path, second: Path) -> None:
    one, other = scores_by_cell(first), scores_by_cell(second)
    assert one.keys() == other.keys()
    for key in one:
        pd.testing.assert_frame_equal(one[key], other[key], check_exact=True)


@pytest.fixture
def finished(iqabench, tiny_sweep, tmp_path) -> Path:
    """A store that one uninterrupted sweep filled."""
    results = tmp_path / "finished"
    done = iqabench("run", *tiny_sweep, "--results", str(results))
    assert done.exit_code == 0, done.output
    return results


def test_a_sweep_stores_every_cell_with_labels_scores_and_provenance(finished, drawn_database):
    cells = scores_by_cell(finished)
    assert set(cells) == {("tiny", "none", 0.0)} | {
        ("tiny", attack, epsilon) for attack in ("fgsm", "pgd") for epsilon in (1.0, 4.0)
    }
    labels = pd.read_csv(drawn_database).set_index("path")["score"]
    for scores in cells.values():
        assert len(scores) in (5, 10)  # one or two scenes of five images: a fifth of 40
        np.testing.assert_allclose(scores["quality"], labels[scores["image"]])
        assert scores["score"].between(0, 1).all()
    stored = next(iter(Store(finished).cells()))
    context = stored.provenance["context"]
    assert context["command"].startswith("iqabench")
    assert {"torch", "timm", "iqabench"} <= context["versions"].keys()
    card = json.loads((finished / context["checkpoint"]).with_suffix(".json").read_text())
    assert card["weights"] == stored.provenance["cell"]["weights"]
    assert [row["epoch"] for row in card["curve"]] == [1, 2, 3]
    curves = pd.read_csv((finished / context["checkpoint"]).with_suffix(".csv"))
    assert curves.to_dict("records") == card["curve"]
    assert (finished / context["checkpoint"]).with_suffix(".svg").read_text().count("<svg") == 1


def test_cells_are_dated_finer_than_by_the_second_so_that_of_two_the_later_is_the_newer(finished):
    dates = [cell.provenance["context"]["created"] for cell in Store(finished).cells()]
    assert any(datetime.fromisoformat(date).microsecond for date in dates)


def test_the_metrics_of_what_was_swept_are_kept_for_the_reports(finished, monkeypatch):
    computed = []

    def counted(*arguments, **options):
        computed.append(arguments)
        return evaluate(*arguments, **options)

    evaluate = metric_cache.evaluate
    monkeypatch.setattr(metric_cache, "evaluate", counted)
    assert results_table(finished)["srocc_low"].notna().all()
    assert len(computed) <= metric_cache.INTERVALS_CHECKED


def test_an_attack_lowers_the_rank_correlation_of_what_it_attacks(finished):
    cells = scores_by_cell(finished)

    def srocc(key):
        return cells[key]["score"].corr(cells[key]["quality"], method="spearman")

    assert srocc(("tiny", "fgsm", 4.0)) < srocc(("tiny", "none", 0.0))


def test_a_second_run_finds_everything_done(iqabench, tiny_sweep, finished):
    again = iqabench("run", *tiny_sweep, "--results", str(finished))
    assert "5 cells" in again.output
    assert "0 computed, 5 found done; 0 models trained" in again.output


def test_more_epsilons_compute_only_what_is_missing_and_as_a_run_of_all_would(
    iqabench, tiny_sweep, finished, tmp_path
):
    whole = tmp_path / "whole"
    more = iqabench("run", *tiny_sweep, "--epsilons", "1,2,4", "--results", str(finished))
    assert "2 computed, 5 found done; 0 models trained" in more.output
    iqabench("run", *tiny_sweep, "--epsilons", "1,2,4", "--results", str(whole))
    assert_same_scores(finished, whole)


@pytest.mark.parametrize(
    ("method", "found"),
    [
        (PGD, "2 computed, 3 found done; 0 models trained"),
        (CsvTable, "5 computed, 0 found done; 1 models trained"),
    ],
    ids=["attack", "dataset"],
)
def test_raising_a_version_computes_the_cells_of_that_method_again_and_nothing_else(
    iqabench, tiny_sweep, finished, monkeypatch, method, found
):
    monkeypatch.setattr(method, "version", 2)
    again = iqabench("run", *tiny_sweep, "--results", str(finished))
    assert found in again.output
    results = read_results(finished, resamples=0)
    newest = results.newest(["dataset", "model", "seed"])
    assert (len(newest), len(results.frame)) == (5, 5 + int(found[0]))
    assert (newest[["attack_version", "dataset_version"]].max(axis=1) == 2).sum() == int(found[0])


def test_the_batch_size_does_not_change_a_score(iqabench, tiny_sweep, finished, tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 2", "batch_size = 3"))
    again = iqabench("run", *tiny_sweep, "--results", str(finished))
    assert "0 computed, 5 found done" in again.output  # it is no part of a cell's key, and rightly:
    other = tmp_path / "other"
    iqabench("run", *tiny_sweep, "--results", str(other))
    one, two = scores_by_cell(finished), scores_by_cell(other)
    for key in one:
        np.testing.assert_allclose(one[key]["score"], two[key]["score"], atol=1e-5)


def test_kill_at_any_moment_and_a_rerun_gives_the_numbers_of_an_unbroken_run(
    iqabench, tiny_sweep, finished, tmp_path
):
    broken = tmp_path / "broken"
    (tmp_path / "killed.py").write_text(KILLED_SWEEP)
    left_behind: set[str] = set()
    # An epoch takes 8 steps; then clean scoring, FGSM and PGD take a handful each. So: in the second epoch,
    # while attacking, and twice more after that. The first run decodes 40 images before.
    for step in (40 + 12, 29, 8, 4):
        command = [sys.executable, str(tmp_path / "killed.py"), str(step)]
        killed = subprocess.run([*command, "run", *tiny_sweep, "--results", str(broken)], check=False)
        assert killed.returncode == -signal.SIGKILL
        left_behind |= {path.suffix for path in broken.rglob("*")}
    assert left_behind >= {".training", ".safetensors", ".parquet", ".partial"}
    last = iqabench("run", *tiny_sweep, "--results", str(broken))
    assert last.exit_code == 0, last.output
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


def test_a_model_is_trained_again_in_another_precision_and_not_where_it_is_the_same(
    iqabench, tiny_sweep, tiny_config, tmp_path
):
    def run(precision):
        text = text_before.replace("epochs = 3", f"epochs = 3\n{precision}")
        tiny_config.write_text(text)
        done = iqabench("run", *tiny_sweep, "--results", str(tmp_path / "results"))
        assert done.exit_code == 0, done.output
        return done.output

    text_before = tiny_config.read_text()
    assert "1 models trained" in run('precision = "fp32"')
    (card,) = (tmp_path / "results").glob("checkpoints/**/*.json")
    assert (
        "precision" not in json.loads(card.read_text())["training"]
    )  # as of stores before there was another
    assert "1 models trained" in run('precision = "bf16"')
    assert "0 models trained" in run('precision = "fp32"')


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
    assert process.returncode == status, output
    assert "run the same command again to go on from there" in output
    assert "Traceback" not in output


@pytest.fixture
def sweep_of_odd_models(iqabench, tiny_sweep, tmp_path):
    """Sweep models of `ODD_PLUGIN`, into `results`."""

    def swept(models):
        (tmp_path / "odd.py").write_text(ODD_PLUGIN)
        options = ("--plugin", str(tmp_path / "odd.py"), "--models", models)
        done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
        assert done.exit_code == 0, done.output
        return done

    return swept


def test_a_diverged_model_is_swept_and_reported_and_does_not_end_the_sweep(
    iqabench, sweep_of_odd_models, tmp_path
):
    done = sweep_of_odd_models("nan,constant,tiny")
    assert "15 computed" in done.output
    table = iqabench("results", "--format", "json", "--results", str(tmp_path / "results"))
    rows = {(row["model"], row["attack"], row["epsilon"]): row for row in json.loads(table.output)}
    assert rows["nan", "none", 0]["srocc"] is None
    assert "NaN" in rows["nan", "fgsm", 1]["status"]
    assert "constant" in rows["constant", "none", 0]["status"]
    assert rows["tiny", "none", 0]["status"] == "ok"


def test_scores_outside_0_to_1_are_pointed_out_once(sweep_of_odd_models):
    done = sweep_of_odd_models("percent,constant")
    (line,) = [line for line in done.output.splitlines() if "not all in [0, 1]" in line]
    assert "percent" in line
    assert "`score_range = [low, high]` in [models.percent]" in line


def test_a_stochastic_model_gives_the_same_scores_whichever_epsilons_are_missing(
    iqabench, tiny_sweep, tmp_path
):
    (tmp_path / "random.py").write_text(STOCHASTIC_PLUGIN)
    options = [*tiny_sweep, "--plugin", str(tmp_path / "random.py"), "--models", "random"]
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    iqabench("run", *options, "--epsilons", "1,4", "--results", whole)
    iqabench("run", *options, "--epsilons", "4", "--results", parts)
    iqabench("run", *options, "--epsilons", "1,4", "--results", parts)
    assert_same_scores(Path(whole), Path(parts))


def test_an_attack_on_a_stochastic_model_averages_over_samples_and_the_cell_says_how_many(
    iqabench, tiny_sweep, tiny_config, tmp_path
):
    (tmp_path / "random.py").write_text(STOCHASTIC_PLUGIN)
    tiny_config.write_text(tiny_config.read_text() + "[attacks.fgsm]\neot_samples = 3\n")
    options = [*tiny_sweep, "--plugin", str(tmp_path / "random.py"), "--attacks", "fgsm"]
    results = str(tmp_path / "results")
    assert iqabench("run", *options, "--models", "random,tiny", "--results", results).exit_code == 0
    samples = {
        stored.provenance["cell"]["model"]: stored.provenance["cell"]["attack_params"]["eot_samples"]
        for stored in Store(Path(results)).cells()
        if stored.provenance["cell"]["attack"] == "fgsm"
    }
    assert samples == {"random": 3, "tiny": 1}


def test_several_seeds_train_a_model_each_and_share_nothing(iqabench, tiny_sweep, tmp_path):
    results = tmp_path / "results"
    options = [*tiny_sweep, "--attacks", "fgsm", "--epsilons", "1", "--results", str(results)]
    assert "2 models trained" in iqabench("run", *options, "--seed", "0,1").output
    cells = [stored.provenance["cell"] for stored in Store(results).cells()]
    assert sorted((cell["seed"], cell["attack"]) for cell in cells) == [
        (0, "fgsm"),
        (0, "none"),
        (1, "fgsm"),
        (1, "none"),
    ]
    assert len({cell["weights"] for cell in cells}) == 2
    again = iqabench("run", *options, "--seed", "1").output
    assert "0 computed, 2 found done; 0 models trained" in again


def test_the_variants_of_a_grid_are_trained_and_named_apart(iqabench, tiny_sweep, tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text() + "[grid.tiny]\nwidth = [2, 4, 6]\n")
    results = tmp_path / "results"
    options = [*tiny_sweep, "--attacks", "fgsm", "--epsilons", "1", "--results", str(results)]
    assert "3 models trained" in iqabench("run", *options).output
    cells = [stored.provenance["cell"] for stored in Store(results).cells()]
    assert {(cell["model"], cell["variant"], cell["model_params"]["width"]) for cell in cells} == {
        ("tiny", "width=2", 2),
        ("tiny", "", 4),  # as the model's own table has it
        ("tiny", "width=6", 6),
    }
    assert "width=6" in iqabench("results", "--results", str(results)).output


def test_the_adversarial_regime_trains_other_weights_by_its_own_settings(
    iqabench, tiny_sweep, tiny_config, tmp_path
):
    results = tmp_path / "results"
    options = [*tiny_sweep, "--attacks", "fgsm", "--epsilons", "1", "--results", str(results)]
    iqabench("run", *options)
    assert "1 models trained" in iqabench("run", *options, "--regime", "adversarial").output
    regimes = {
        stored.provenance["cell"]["regime"]: stored.provenance["cell"]["weights"]
        for stored in Store(results).cells()
    }
    assert len(set(regimes.values())) == len(regimes) == 2
    cards = [json.loads(path.read_text()) for path in results.rglob("checkpoints/**/*.json")]
    (card,) = (card for card in cards if card["regime"] == "adversarial")
    assert {"loss", "natural", "adversarial"} <= card["curve"][0].keys()
    assert card["training"]["adversarial"]["attack_params"]["eot_samples"] == 1
    tiny_config.write_text(
        tiny_config.read_text()
        + "[training.adversarial]\nattack = 'pgd'\nepsilon = 4\n"
        + "prior_natural = 0.3\nprior_adversarial = 0.7\n"
    )
    assert "0 models trained" in iqabench("run", *options).output  # the clean one does not depend on it
    assert "1 models trained" in iqabench("run", *options, "--regime", "adversarial").output


def test_a_model_with_a_weights_file_is_not_trained(iqabench, tiny_sweep, tiny_config, finished, tmp_path):
    (weights,) = finished.rglob("tiny-*.safetensors")
    tiny_config.write_text(tiny_config.read_text() + f'\n[models.tiny]\nweights = "{weights}"\n')
    done = iqabench("run", *tiny_sweep, "--results", str(tmp_path / "given"))
    assert "0 models trained" in done.output
    assert_same_scores(finished, tmp_path / "given")


def test_a_limit_scores_that_many_test_images(iqabench, tiny_sweep, tmp_path):
    iqabench("run", *tiny_sweep, "--limit", "3", "--results", str(tmp_path / "results"))
    assert {len(scores) for scores in scores_by_cell(tmp_path / "results").values()} == {3}
    iqabench("run", *tiny_sweep, "--limit", "4", "--results", str(tmp_path / "results"))
    cells = [cell.provenance["cell"] for cell in Store(tmp_path / "results").cells()]
    assert len({(cell["limit"], cell["split_digest"]) for cell in cells}) == 2
    assert len({cell["weights"] for cell in cells}) == 1  # the weights do not depend on what is scored


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "tny"], "unknown model 'tny': did you mean 'tiny'"),
        (["--attacks", "fgms"], "unknown attack 'fgms': did you mean 'fgsm'"),
        (["--datasets", "syntetic"], "unknown dataset 'syntetic': did you mean 'synthetic'"),
        (["--datasets", "nowhere.csv"], "nowhere.csv"),
        (["--device", "cuda"], "no CUDA GPU"),
        (["--profile", "dmo"], "unknown profile 'dmo': did you mean 'demo'"),
        (
            ["--epsilons", "one"],
            "found 'one', accepted is a number in units of 1/255, such as 8 or \"8/255\"",
        ),
        (["--epsilons", "1,0.03"], "found '0.03', accepted is a radius in units of 1/255"),
        (["--epsilons", "-1"], "epsilons.0"),
        (
            ["--seed", "-1"],
            "command line: [run]: key 'seed': found [-1], accepted is a whole number from 0 to 2^63 - 1",
        ),
        (["--regime", "dirty"], "'dirty' is not one of 'clean', 'adversarial'"),
    ],
)
def test_a_mistake_is_answered_before_anything_runs(iqabench, tiny_sweep, tmp_path, options, message):
    if options == ["--device", "cuda"]:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
    done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output
    assert not list((tmp_path / "results").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("column", r"gives shape \(2, 1\) for 2 images"),
        ("grey", r"Grey cannot score two images, shape \(2, 3, 24, 24\)"),
        ("broken", "cannot be built: RuntimeError: no luck"),
    ],
)
def test_a_model_that_breaks_the_contract_is_answered_before_anything_is_trained(
    iqabench, tiny_sweep, tmp_path, model, message
):
    (tmp_path / "wrong.py").write_text(WRONG_PLUGIN)
    options = ["--plugin", str(tmp_path / "wrong.py"), "--models", f"tiny,{model}"]
    done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert re.search(message, done.output)
    assert not list((tmp_path / "results").rglob("*.safetensors"))


def test_too_few_training_images_for_a_batch_are_answered(iqabench, tiny_sweep, tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 4", "batch_size = 64"))
    done = iqabench("run", *tiny_sweep, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert re.search("'drawn' has 3[05] training images, fewer than one batch of 64", done.output)


def test_an_image_that_cannot_be_read_is_named_before_anything_is_trained(
    iqabench, tiny_sweep, drawn_database, tmp_path
):
    image = drawn_database.parent / "images" / "scene3_2.png"
    image.write_bytes(image.read_bytes()[:100])
    done = iqabench("run", *tiny_sweep, "--results", str(tmp_path / "results"))
    assert done.exit_code == 2
    assert "scene3_2.png" in done.output
    assert "Traceback" not in done.output
    assert not list((tmp_path / "results").rglob("*.safetensors"))
