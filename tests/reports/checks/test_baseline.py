"""A pinned baseline: rows that hold, that moved, that were not run, and files that cannot be one."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.results import COLUMNS, read_results
from iqabench.bench.store.results_text import render_results
from iqabench.reports.checks.baseline import against_baseline, pin, read_baseline

from ...fabricated import drawn_cell, noisy, results
from .conftest import FGSM, TOLERANCES, found, summary

PGD = {"attack": "pgd", "epsilon": 1.0}


LATER = "2031-01-01T00:00:00+00:00"


def test_what_was_pinned_holds_as_long_as_nothing_moves(store, tmp_path):
    for model in ("resnet", "sat"):
        drawn_cell(store, noisy(0.1), model=model)
        drawn_cell(store, noisy(0.5), model=model, attack="fgsm", epsilon=2.0)
    ends = {"low": noisy(0.1) - 0.1, "high": noisy(0.1) + 0.1}
    drawn_cell(store, noisy(0.1), attack="auto", epsilon=1.0, more=ends)
    said = pin(store.root, tmp_path / "baseline.json")
    assert said == f"5 rows pinned in {tmp_path / 'baseline.json'}."
    rows = json.loads((tmp_path / "baseline.json").read_text())
    assert [tuple(row) for row in rows] == [COLUMNS] * 5
    tolerances = {**TOLERANCES, "worst_srocc": 1e-9}
    check = against_baseline(read_results(store, resamples=0), tmp_path / "baseline.json", tolerances)
    assert (check.exit_status, summary(check)) == (0, {"holds": 16})  # 3 of a row, and the worst case


def test_images_without_labels_are_neither_pinned_nor_missed(store, tmp_path):
    path, unlabelled = tmp_path / "baseline.json", {"quality": np.full(60, np.nan)}
    drawn_cell(store, noisy(0.1), more=unlabelled, dataset="folder")
    with pytest.raises(UserError, match="nothing to pin: its images have no labels"):
        pin(store.root, path)
    drawn_cell(store, noisy(0.1))
    assert pin(store.root, path).splitlines() == [
        f"1 row pinned in {path}.",
        "1 row of images without labels is not pinned, as a check compares correlations.",
    ]
    assert [row.dataset for row in read_baseline(path)] == ["live"]
    path.with_name("all.json").write_text(render_results(read_results(store), "json"))
    for name in ("baseline.json", "all.json"):
        check = against_baseline(read_results(store, resamples=0), path.with_name(name), TOLERANCES)
        assert (check.exit_status, summary(check), check.notes) == (0, {"holds": 3}, ())


def test_rows_meet_whatever_changed_behind_their_names_and_the_change_is_named(pinned):
    path = pinned({"srocc": 0.9, **FGSM})
    now = {"weights": "other", "model_params": '{"width": 2}', "versions": "iqabench 0.1.0, torch 9"}
    now["precision"] = "bf16"
    moved = against_baseline(results({"srocc": 0.8, **FGSM, **now}), path, TOLERANCES)
    assert found(moved, "falls short")[0].reason == "changed: weights, model params, precision, versions"
    held = against_baseline(results({"srocc": 0.9, **FGSM, **now}), path, TOLERANCES)
    assert (held.exit_status, found(held)[0].reason) == (0, "")


@pytest.mark.parametrize(("now", "status"), [(0.8, "falls short"), (0.98, "exceeds")])
def test_a_pinned_number_that_moves_either_way_fails(pinned, now, status):
    check = against_baseline(results({"srocc": now}), pinned({"srocc": 0.9}), TOLERANCES)
    assert (check.exit_status, summary(check)) == (1, {"holds": 2, status: 1})


def test_a_worst_case_is_checked_where_it_was_pinned(pinned):
    tolerances = {**TOLERANCES, "worst_srocc": 0.02}
    path = pinned({}, {**FGSM, "attack": "auto", "worst_srocc": -0.4})
    moved = {**FGSM, "attack": "auto", "worst_srocc": -0.3}
    check = against_baseline(results({}, moved), path, tolerances)
    assert summary(check) == {"holds": 6, "exceeds": 1}
    assert found(check, "exceeds")[0].name.endswith("worst-case SROCC")


@pytest.mark.parametrize(
    "elsewhere",
    [{"seed": 1}, {"regime": "adversarial"}, {"epsilon": 2.0}, {"variant": "b=0.1"}, {"dataset": "vcl"}],
)
def test_a_pinned_row_that_was_not_run_fails_though_the_others_hold(pinned, elsewhere):
    path = pinned({"srocc": 0.9}, FGSM)
    check = against_baseline(results({"srocc": 0.9}, FGSM | elsewhere), path, TOLERANCES)
    assert (check.exit_status, summary(check)) == (1, {"holds": 3, "not run": 3})
    assert "Not run, which fails the check:\n  resnet on live, fgsm at 1/255, seed 0\n" in check.text()
    assert "1 condition in the store is not in" in check.notes[-1]


def test_if_no_pinned_row_was_run_there_is_nothing_to_compare(pinned):
    check = against_baseline(results({"model": "sat"}), pinned({"model": "resnet"}), TOLERANCES)
    assert check.exit_status == 2


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ({"image_size": 96}, "image size 96, pinned at 320"),
        ({"n": 20}, "number of images 20, pinned at 100"),
        ({"split_seed": 3}, "split seed 3, pinned at 0"),
        ({"attack_params": '{"steps": 20}'}, "pgd's steps 20, pinned at 10"),
    ],
)
def test_numbers_that_measure_different_things_are_not_compared_and_fail(pinned, now, reason):
    row = {**PGD, "attack_params": '{"steps": 10}'}
    check = against_baseline(results({}, {**row, **now}), pinned({}, row), TOLERANCES)
    assert (check.exit_status, summary(check)) == (1, {"holds": 3, "not comparable": 3})
    assert found(check, "not comparable")[0].reason == reason
    assert f"  resnet on live, pgd at 1/255, seed 0: {reason}\n" in check.text()


TEN, TWENTY = ({**PGD, "attack_params": f'{{"steps": {steps}}}'} for steps in (10, 20))
BESIDE = {
    "a parameter that the attack did not have when pinned": [
        {**PGD, "attack_params": '{"mask_gradient": "straight", "steps": 10}'}
    ],
    "an attack with other parameters": [TEN, {**TWENTY, "srocc": 0.1, "created": LATER}],
    "a newer version on other images": [TEN, {**TEN, "srocc": 0.1, "image_size": 96, "created": LATER}],
}


@pytest.mark.parametrize("rows", BESIDE.values(), ids=BESIDE)
def test_what_was_pinned_is_compared_beside(pinned, rows):
    assert against_baseline(results(*rows), pinned(TEN), TOLERANCES).exit_status == 0


def test_the_newest_version_of_a_model_is_compared_and_not_filled_from_an_older_one(pinned):
    old = [{"srocc": 0.9}, {"srocc": 0.5, **FGSM}]
    new = {"srocc": 0.7, "weights": "new", "created": LATER}
    check = against_baseline(results(*old, new), pinned(*old), TOLERANCES)
    assert [(c.metric, c.status) for c in check.comparisons[:1]] == [("srocc", "falls short")]
    assert {c.status for c in check.comparisons if c.condition.attack == "fgsm"} == {"not run"}


def test_an_older_version_of_an_attack_is_not_compared_where_the_newer_was_not_run(pinned):
    strengths = [{**FGSM, "epsilon": epsilon} for epsilon in (1.0, 2.0)]
    check = against_baseline(
        results(*strengths, FGSM | {"attack_version": 2}), pinned(*strengths), TOLERANCES
    )
    assert summary(check) == {"holds": 3, "not run": 3}


def test_a_model_that_diverged_since_falls_short_and_one_that_no_longer_does_exceeds(pinned):
    broken = {"status": "constant scores"}
    diverged = against_baseline(results(broken), pinned({}), TOLERANCES)
    assert (diverged.exit_status, summary(diverged)) == (1, {"falls short": 3})
    healed = against_baseline(results({}), pinned(broken), TOLERANCES)
    assert (healed.exit_status, summary(healed)) == (1, {"exceeds": 3})
    assert against_baseline(results(broken), pinned(broken), TOLERANCES).exit_status == 1


def test_the_columns_of_the_contract_are_enough_for_a_baseline(tmp_path):
    columns = ["dataset", "model", "regime", "seed", "attack", "epsilon", "n", "srocc", "plcc", "mse"]
    results({}).frame[columns].to_json(tmp_path / "baseline.json", orient="records")
    assert against_baseline(results({}), tmp_path / "baseline.json", TOLERANCES).exit_status == 0


def test_pinning_takes_the_newest_and_says_what_it_leaves_out_and_what_cannot_hold(store, tmp_path):
    drawn_cell(store, noisy(0.1), weights="old")
    drawn_cell(store, noisy(0.4), weights="new", context={"created": LATER})
    drawn_cell(store, noisy(np.nan), model="sat")
    damaged = drawn_cell(store, noisy(0.1), model="cprl")
    damaged.write_bytes(b"no parquet")
    said = pin(store.root, tmp_path / "baseline.json").splitlines()
    assert said[0].startswith("2 rows pinned")
    assert said[1].startswith("Not readable, so left out: cells/live/cprl/none-0-")
    assert said[2] == "1 cell of older versions or with other parameters of an attack is left out."
    assert said[3].endswith("such as sat on live, no attack, seed 0: NaN scores in 60 of 60 images.")
    assert {row.model_dump()["weights"] for row in read_baseline(tmp_path / "baseline.json")} == {
        "new",
        "w-sat-0",
    }


GOOD = json.loads(render_results(results({}), "json"))[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", r"baseline.json: not a JSON file in UTF-8: .*; `iqabench check --pin .*` writes one"),
        (b"\xff\xfe", "baseline.json: not a JSON file in UTF-8"),
        ("[" * 100_000, "baseline.json: not a JSON file in UTF-8"),
        ({"rows": []}, "baseline.json: a baseline is a list of rows"),
        ([], "a list of rows, and not an empty one"),
        ([3], "a baseline is a list of rows"),
        ([GOOD | {"srok": 1}], r"baseline.json, row 1: unknown key 'srok': did you mean 'srocc'"),
        ([GOOD | {"srocc": "high"}], r"row 1: key 'srocc': found 'high', accepted is a valid number"),
        ([GOOD | {"attack_params": "steps"}], r"row 1: key 'attack_params': found 'steps'"),
        ([{k: v for k, v in GOOD.items() if k != "plcc"}], r"row 1: key 'plcc': missing"),
        ([{k: v for k, v in GOOD.items() if k != "seed"}], r"row 1: key 'seed': missing"),
        ([GOOD, GOOD | {"srocc": 0.1}], r"rows 1 and 2: both pin resnet on live, no attack, seed 0; keep"),
        ([GOOD | {"versions": "iqabench 99.2.0"}], r"come from iqabench 99\.2\.0, and this is .*: use that"),
        ([GOOD | {"srocc": float("nan")}], r"row 1: key 'srocc': found nan, accepted is a finite number"),
    ],
)  # fmt: skip
def test_a_baseline_that_cannot_be_used_is_answered_with_what_is_wrong_where(tmp_path, content, message):
    path = tmp_path / "baseline.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=message):
        read_baseline(path)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(), children, max_size=2),
    max_leaves=3,
)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(COLUMNS), JSON_VALUES)
def test_whatever_stands_in_a_baseline_it_is_compared_or_answered(tmp_path_factory, column, value):
    path = tmp_path_factory.getbasetemp() / "baseline.json"
    path.write_text(json.dumps([GOOD | {column: value}]))
    try:
        check = against_baseline(results({}), path, TOLERANCES)
    except UserError:
        return
    assert check.text()
    assert json.dumps(check.record(), allow_nan=False)


def test_a_missing_baseline_and_a_folder_are_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.json: no such file; .* and `published` names the papers'"):
        read_baseline(tmp_path / "nowhere.json")
    with pytest.raises(UserError, match="cannot be read: a folder, not a file"):
        read_baseline(tmp_path)
