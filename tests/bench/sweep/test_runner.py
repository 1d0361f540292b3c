"""A sweep stores what was asked for, finds what is there, and computes only what is missing."""

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from iqabench.attacks.pgd import PGD
from iqabench.bench.datasets.adapters.csv_table import CsvTable
from iqabench.bench.store import metric_cache
from iqabench.bench.store.results import read_results, results_table
from iqabench.bench.store.store import Store

from .conftest import assert_same_scores, cells_in, scores_by_cell


@pytest.fixture
def run(iqabench, tiny_sweep, tmp_path):
    """Sweep the tiny model into a store, and return what the command says."""

    def swept(*options, results=tmp_path / "results"):
        return iqabench("run", *tiny_sweep, "--results", str(results), *options, exits=0).output

    return swept


ONE = ("--attacks", "fgsm", "--epsilons", "1")


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


def test_a_second_run_finds_everything_done(run, finished):
    again = run(results=finished)
    assert "5 cells" in again
    assert "0 computed, 5 found done; 0 models trained" in again


def test_more_epsilons_compute_only_what_is_missing_and_as_a_run_of_all_would(run, finished, tmp_path):
    more = run("--epsilons", "1,2,4", results=finished)
    assert "2 computed, 5 found done; 0 models trained" in more
    run("--epsilons", "1,2,4")
    assert_same_scores(finished, tmp_path / "results")


@pytest.mark.parametrize(
    ("method", "found"),
    [
        (PGD, "2 computed, 3 found done; 0 models trained"),
        (CsvTable, "5 computed, 0 found done; 1 model trained"),
    ],
    ids=["attack", "dataset"],
)
def test_raising_a_version_computes_the_cells_of_that_method_again_and_nothing_else(
    run, finished, monkeypatch, method, found
):
    monkeypatch.setattr(method, "version", 2)
    assert found in run(results=finished)
    results = read_results(finished, resamples=0)
    newest = results.newest(["dataset", "model", "seed"])
    assert (len(newest), len(results.frame)) == (5, 5 + int(found[0]))
    assert (newest[["attack_version", "dataset_version"]].max(axis=1) == 2).sum() == int(found[0])


def test_the_batch_size_does_not_change_a_score(run, finished, tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text().replace("batch_size = 2", "batch_size = 3"))
    # It is no part of a cell's key, and rightly:
    assert "0 computed, 5 found done" in run(results=finished)
    run()
    one, two = scores_by_cell(finished), scores_by_cell(tmp_path / "results")
    for key in one:
        np.testing.assert_allclose(one[key]["score"], two[key]["score"], atol=1e-5)


def test_a_model_is_trained_again_in_another_precision_and_not_where_it_is_the_same(
    run, tiny_config, tmp_path
):
    text = tiny_config.read_text()

    def in_precision(precision):
        tiny_config.write_text(text.replace("epochs = 3", f'epochs = 3\nprecision = "{precision}"'))
        return run()

    assert "1 model trained" in in_precision("fp32")
    (card,) = (tmp_path / "results").glob("checkpoints/**/*.json")
    # There is no key "precision" in stores of before there was another.
    assert "precision" not in json.loads(card.read_text())["training"]
    assert "1 model trained" in in_precision("bf16")
    assert "0 models trained" in in_precision("fp32")


def test_several_seeds_train_a_model_each_and_share_nothing(run, tmp_path):
    assert "2 models trained" in run(*ONE, "--seed", "0,1")
    cells = cells_in(tmp_path / "results")
    found = sorted((cell["seed"], cell["attack"]) for cell in cells)
    assert found == [(0, "fgsm"), (0, "none"), (1, "fgsm"), (1, "none")]
    assert len({cell["weights"] for cell in cells}) == 2
    assert "0 computed, 2 found done; 0 models trained" in run(*ONE, "--seed", "1")


def test_the_variants_of_a_grid_are_trained_and_named_apart(run, iqabench, tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text() + "[grid.tiny]\nwidth = [2, 4, 6]\n")
    assert "3 models trained" in run(*ONE)
    cells = cells_in(tmp_path / "results")
    assert {(cell["model"], cell["variant"], cell["model_params"]["width"]) for cell in cells} == {
        ("tiny", "width=2", 2),
        ("tiny", "", 4),  # as the model's own table has it
        ("tiny", "width=6", 6),
    }
    assert "width=6" in iqabench("results", "--results", str(tmp_path / "results")).output


def test_the_adversarial_regime_trains_other_weights_by_its_own_settings(run, tiny_config, tmp_path):
    results = tmp_path / "results"
    run(*ONE)
    assert "1 model trained" in run(*ONE, "--regime", "adversarial")
    regimes = {cell["regime"]: cell["weights"] for cell in cells_in(results)}
    assert len(set(regimes.values())) == len(regimes) == 2
    cards = [json.loads(path.read_text()) for path in results.rglob("checkpoints/**/*.json")]
    (card,) = (card for card in cards if card["regime"] == "adversarial")
    assert {"loss", "natural", "adversarial"} <= card["curve"][0].keys()
    assert card["training"]["adversarial"]["attack_params"]["eot_samples"] == 1
    changed = (
        "[training.adversarial]\nattack = 'pgd'\nepsilon = 4\nprior_natural = 0.3\nprior_adversarial = 0.7\n"
    )
    tiny_config.write_text(tiny_config.read_text() + changed)
    assert "0 models trained" in run(*ONE)  # the clean one does not depend on it
    assert "1 model trained" in run(*ONE, "--regime", "adversarial")


def test_a_model_with_a_weights_file_is_not_trained(run, tiny_config, finished, tmp_path):
    (weights,) = finished.rglob("tiny-*.safetensors")
    tiny_config.write_text(tiny_config.read_text() + f'\n[models.tiny]\nweights = "{weights}"\n')
    assert "0 models trained" in run()
    assert_same_scores(finished, tmp_path / "results")


def test_a_limit_scores_that_many_test_images(run, tmp_path):
    run("--limit", "3")
    assert {len(scores) for scores in scores_by_cell(tmp_path / "results").values()} == {3}
    run("--limit", "4")
    cells = cells_in(tmp_path / "results")
    assert len({(cell["limit"], cell["split_digest"]) for cell in cells}) == 2
    assert len({cell["weights"] for cell in cells}) == 1  # the weights do not depend on what is scored
