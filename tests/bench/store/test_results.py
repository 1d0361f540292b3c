"""The table of results: a row per cell, metrics from raw scores, nothing hidden, three ways to print it."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.results import COLUMNS, read_results, results_table, verdict
from iqabench.bench.store.results_text import render_results
from iqabench.bench.store.store import Store

from ...fabricated import drawn_auto, drawn_cell, labels, noisy

LABELS = labels(60)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_a_row_holds_the_metrics_of_the_raw_scores_and_where_they_come_from(store):
    versions = {"iqabench": None, "torch": "2.15.0"}
    path = drawn_cell(store, noisy(0.3), attack="fgsm", epsilon=2.0, context={"versions": versions})
    row = results_table(store).iloc[0]
    assert row["srocc"] == pytest.approx(stats.spearmanr(LABELS, noisy(0.3)).statistic)
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean((LABELS - noisy(0.3)) ** 2)))
    assert row["srocc_low"] < row["srocc"] < row["srocc_high"]
    assert (row["attack"], row["epsilon"], row["n"], row["status"]) == ("fgsm", 2.0, 60, "ok")
    assert row["versions"] == "iqabench unknown, torch 2.15.0"
    assert store.root / row["file"] == path


def test_the_columns_begin_as_promised(store):
    drawn_cell(store)
    table = results_table(store)
    assert ",".join(table.columns).startswith(
        "dataset,model,regime,seed,attack,epsilon,n,srocc,plcc,mse,krocc,rmse,"
    )
    assert tuple(table.columns) == COLUMNS


def test_rows_come_in_alphabetical_order_with_clean_images_first(store):
    columns = ["dataset", "model", "attack", "epsilon"]
    in_order = [
        ("live", "cprl", "none", 0.0),
        ("live", "cprl", "fgsm", 2.0),
        ("live", "cprl", "fgsm", 8.0),
        ("live", "cprl", "pgd", 1.0),
        ("live", "dbcnn", "none", 0.0),
        ("live", "zoo", "none", 0.0),
        ("synthetic", "resnet", "none", 0.0),
        ("vcl", "sat", "none", 0.0),
    ]
    for place in (6, 5, 3, 2, 1, 0, 4, 7):
        drawn_cell(store, **dict(zip(columns, in_order[place], strict=True)))
    table = results_table(store, resamples=0)[columns]
    assert list(table.itertuples(index=False, name=None)) == in_order


def test_a_diverged_cell_is_a_row_that_says_so(store):
    drawn_cell(store, np.where(np.arange(60) < 3, np.nan, 0.5))
    row = results_table(store).iloc[0]
    assert row["status"] == "NaN scores in 3 of 60 images"
    assert row[["srocc", "plcc", "mse", "krocc", "rmse", "srocc_low", "mse_high"]].isna().all()


def test_an_interval_attacks_row_has_its_worst_case_and_the_metrics_under_score_reflection(store):
    score, far = noisy(0.1), np.where(np.median(LABELS) < LABELS, noisy(0.1) - 0.3, noisy(0.1) + 0.3)
    ends = {"low": noisy(0.1) - 0.3, "high": noisy(0.1) + 0.3}
    drawn_cell(store, score, attack="auto", epsilon=1.0, more=ends)
    drawn_cell(store, score)
    found = read_results(store, resamples=50)
    clean, attacked = found.frame.to_dict("records")
    assert attacked["srocc"] == pytest.approx(stats.spearmanr(LABELS, far).statistic)
    assert attacked["mse"] == pytest.approx(attacked["reflection_mse"]) == np.square(LABELS - far).mean()
    assert attacked["worst_srocc_low"] <= attacked["worst_srocc"] < attacked["srocc"] < clean["srocc"]
    assert attacked["median_width"] == pytest.approx(0.6)
    assert np.isnan(clean["worst_srocc"])
    assert read_results(store, resamples=50).frame.equals(found.frame)
    header, *lines = render_results(found).splitlines()
    assert header.endswith("worst srocc  median width")
    assert [line.split()[-1] for line in lines] == ["-", "0.6000"]
    drawn_cell(store, score, attack="fgsm", epsilon=1.0)
    assert render_results(read_results(store)).splitlines()[-1].startswith("Where there is a worst srocc, ")


def test_cells_that_differ_only_in_weights_are_all_kept_and_told_apart(store):
    drawn_cell(store, weights="aaaaaaaaaaaaaaaa")
    drawn_cell(store, weights="bbbbbbbbbbbbbbbb", limit=10)
    drawn_cell(store, model="cprl")
    found = read_results(store, resamples=0)
    assert len(found.frame) == 3
    header, *lines = render_results(found).splitlines()
    assert header.split()[6:8] == ["limit", "weights"]
    assert "image_size" not in header
    assert "aaaaaaaaaa" in lines[1]
    assert "10  bbbbbbbbbb" in lines[2]


def test_rows_of_one_name_are_told_apart_by_the_parameters_that_differ(store):
    for steps in (10, 40):
        params = {"objective": "mse", "random_start": True, "steps": steps}
        drawn_cell(store, attack="pgd", epsilon=1.0, attack_params=params)
        drawn_cell(store, model="cprl", model_params={"backbone": "resnet18", "b": steps / 100})
    drawn_cell(store, model="dbcnn")
    text = render_results(read_results(store, resamples=0))
    assert [found for found in ("steps 10", "steps 40", "b 0.1", "b 0.4") if text.count(found) != 1] == []
    assert "objective" not in text
    assert "backbone" not in text


def test_the_table_for_people_shows_intervals_and_the_reason_for_a_dash(store):
    drawn_cell(store, attack="fgsm", epsilon=0.5, dataset="synthetic", context={"stand_in": True})
    drawn_cell(store, np.full(60, 0.25), model="cprl")
    text = render_results(read_results(store))
    lines = text.splitlines()
    assert "constant scores" in lines[1]
    assert lines[1].split()[6:8] == ["60", "-"]
    assert lines[2].split()[:6] == ["synthetic*", "resnet", "clean", "0", "fgsm", "0.5"]
    assert "[0." in lines[2]
    assert "* stands in for a database" in text
    assert text.endswith("\n")


def test_csv_holds_every_column_in_full_precision(store):
    drawn_cell(store)
    found = read_results(store)
    (row,) = csv.DictReader(io.StringIO(render_results(found, "csv")))
    assert list(row) == list(COLUMNS)
    assert float(row["srocc"]) == found.frame["srocc"].iloc[0]
    assert row["limit"] == ""


def test_json_is_a_list_of_rows_with_null_for_what_is_undefined(store):
    drawn_cell(store, np.full(60, np.nan), limit=5)
    drawn_cell(store, noisy(0.1), model="cprl")
    found = read_results(store)
    measured, diverged = json.loads(render_results(found, "json"))
    assert (diverged["srocc"], diverged["limit"]) == (None, 5)
    assert diverged["status"] == "NaN scores in 60 of 60 images"
    assert (measured["srocc"], measured["limit"]) == (found.frame["srocc"].iloc[0], None)
    assert (measured["n"], measured["stand_in"]) == (60, False)


def test_an_unknown_format_is_answered_with_the_known_ones(store):
    drawn_cell(store)
    with pytest.raises(UserError, match="did you mean 'json'"):
        render_results(read_results(store), "jsn")


def test_an_audited_cell_has_its_verdict_and_the_sentences_of_its_red_flags(store):
    drawn_cell(store)
    drawn_auto(store, "resnet", 1.0)
    drawn_auto(store, "resnet", 2.0, flags=["Half are zero.", "None moves."])
    table = results_table(store, resamples=0)
    assert list(table["audit"]) == ["", "sound", "doubtful"]
    assert list(table["red_flags"]) == ["", "", "Half are zero. None moves."]
    assert verdict(table["audit"]) == "doubtful"
    assert (verdict(["", "sound"]), verdict([])) == ("sound", "")


def test_an_adaptive_attack_is_held_against_the_static_one_of_the_same_parameters(store):
    """A quick look afterwards does not take back what a longer search has shown."""
    jpeg = {"name": "jpeg", "params": {}, "version": 1, "source": None}
    defence = {"variant": "defence=jpeg", "defence": [jpeg], "attack": "auto", "epsilon": 1.0}
    scores = noisy(0.1, 120)
    for budget, static, created in (("standard", 0.4, "2030"), ("quick", 0.1, "2031")):
        known = {
            "attack_params": {"budget": budget},
            "context": {"created": f"{created}-01-01T00:00:00+00:00"},
        }
        for knowledge, reach in (("adaptive", 0.1), ("static", static)):
            ends = {"low": scores - reach, "high": scores + reach}
            drawn_cell(store, scores, more=ends, flags=(), knowledge=knowledge, **defence, **known)
    found = read_results(store, resamples=0).frame
    verdicts = dict(zip(found["attack_params"], found["audit"], strict=True))
    assert verdicts == {'{"budget": "quick"}': "sound", '{"budget": "standard"}': "doubtful"}


def test_a_control_is_what_the_cell_says_or_in_older_cells_what_is_called_noise(store):
    for attack, context in (
        ("noise", {}),
        ("noise2", {}),
        ("mine", {"control": True}),
        ("fgsm", {"control": False}),
    ):
        drawn_cell(store, attack=attack, epsilon=2.0, context=context)
    frame = results_table(store, resamples=0)
    assert dict(zip(frame["attack"], frame["control"], strict=True)) == {
        "fgsm": False, "mine": True, "noise": True, "noise2": False,
    }  # fmt: skip


def test_what_rounds_to_zero_has_no_sign(store):
    drawn_cell(store)
    results = read_results(store, resamples=0)
    tiny = {"srocc": -0.00004, "srocc_low": -0.0004, "srocc_high": -0.0006, "plcc": -0.0}
    text = render_results(replace(results, frame=results.frame.assign(**tiny)))
    assert "0.0000  [0.000, -0.001]  0.0000" in text
    assert "-0.0000" not in text
