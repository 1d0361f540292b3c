"""The check: what holds, what moved, what was not run; pinned numbers; and what a CI job is told."""

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.results import COLUMNS, read_results
from iqabench.bench.store.results_text import render_results
from iqabench.reports.checks.baseline import against_baseline, pin, read_baseline
from iqabench.reports.checks.comparison import Comparison, Condition
from iqabench.reports.checks.junit import Case, junit
from iqabench.reports.checks.published import against_published
from iqabench.reports.published import paper_numbers

from ...fabricated import drawn_cell, noisy, results

TOLERANCES = {"srocc": 0.05, "plcc": 0.05, "mse": 0.01}
CONDITION = Condition("live", "resnet", "", "clean", (0,), "none", 0.0)
FGSM, PGD = {"attack": "fgsm", "epsilon": 1.0}, {"attack": "pgd", "epsilon": 1.0}
LATER = "2031-01-01T00:00:00+00:00"


@pytest.fixture
def pinned(tmp_path):
    """Writes rows as a baseline."""

    def write_rows(*rows):
        path = tmp_path / "baseline.json"
        path.write_text(render_results(results(*rows), "json"))
        return path

    return write_rows


def paper(dataset, model, attack="none", epsilon=0.0, variant="", **moved):
    """A row with the paper's numbers, moved by what is stated."""
    numbers = {
        metric: paper_numbers()[dataset, model, attack, epsilon, variant, metric] + moved.pop(metric, 0.0)
        for metric in TOLERANCES
    }
    return {"dataset": dataset, "model": model, "attack": attack, "epsilon": epsilon, **numbers, **moved}


def cprl(variant, attack="none", epsilon=0.0, *, reading="keep_top", pns_weight=0.0, b=0.4, **stated):
    params = {"b": b, "reading": reading, "pns_weight": pns_weight, "sites": [3, 4]}
    known = {"model_params": json.dumps(params), "variant": f"b={b}, {reading}, {pns_weight}"}
    return paper("live", "cprl", attack, epsilon, variant, **stated) | known


def judged(metric, expected, measured, tolerance, **facts):
    return Comparison("", CONDITION, metric, expected, tolerance).judged(measured, **facts)


def found(check, *statuses):
    return [c for c in check.comparisons if c.status in (statuses or ("holds", "falls short", "exceeds"))]


def summary(check):
    return {name: count for name, count in check.counts.items() if count}


# --- One number ---


@pytest.mark.parametrize(
    ("metric", "expected", "measured", "status"),
    [
        ("srocc", 0.9, 0.85, "holds"),  # 0.9 - 0.85 is a little more than 0.05 in binary
        ("srocc", 0.9, 0.95, "holds"),
        ("srocc", 0.9, 0.8499, "falls short"),
        ("srocc", 0.9, 0.9501, "exceeds"),
        ("srocc", -0.3, -0.36, "falls short"),
        ("plcc", 0.1, 0.16, "exceeds"),
        ("mse", 0.02, 0.03, "holds"),
        ("mse", 0.02, 0.0301, "falls short"),
        ("mse", 0.02, 0.0099, "exceeds"),
        ("krocc", 0.3, 0.3, "holds"),
        ("krocc", 0.3, 0.3001, "exceeds"),
    ],
)
def test_a_number_holds_within_its_tolerance_in_both_directions(metric, expected, measured, status):
    one = judged(metric, expected, measured, TOLERANCES.get(metric, 0.0))
    assert (one.status, one.difference) == (status, pytest.approx(measured - expected))


def test_a_cell_without_usable_scores_never_holds():
    for metric, expected, measured, status in (
        ("srocc", 0.9, math.nan, "NaN scores in 3 of 60 images"),
        ("mse", 0.1, 0.1, "constant scores"),
        ("srocc", math.nan, math.nan, "constant scores"),
    ):
        one = judged(metric, expected, measured, 5.0, status=status)
        assert (one.status, one.reason, one.record()["measured"]) == ("falls short", status, None)


# --- Published numbers ---


def test_the_papers_own_numbers_hold_and_the_rest_of_its_tables_was_not_run():
    rows = [paper("live", "resnet"), paper("live", "cprl", "fgsm", 1.0), paper("koniq", "sat", "pgd", 1.0)]
    check = against_published(results(*rows), TOLERANCES)
    assert summary(check) == {"holds": 9, "not run": 291}  # 3 x 7 x 4 x 3 of Tables 1, 2, 4; 36 + 12
    assert check.exit_status == 0
    assert [c.table for c in found(check)] == 3 * ["cprl, Table 1"] + 3 * ["cprl, Table 2"] + 3 * [
        "cprl, Table 4"
    ]


@pytest.mark.parametrize(("moved", "status"), [(-0.06, "falls short"), (0.06, "exceeds")])
def test_a_number_off_the_papers_in_either_direction_fails(moved, status):
    check = against_published(results(paper("live", "resnet", srocc=moved)), TOLERANCES)
    assert summary(check) == {"holds": 2, status: 1, "not run": 297}
    assert check.exit_status == 1


def test_of_several_seeds_the_mean_is_compared():
    seeds = [paper("live", "resnet", srocc=move, seed=seed) for seed, move in enumerate([-0.12, 0.0, 0.15])]
    srocc = found(against_published(results(*seeds), TOLERANCES))[0]
    assert (srocc.status, srocc.condition.seeds) == ("holds", (0, 1, 2))
    assert srocc.difference == pytest.approx(0.01)


def test_a_seed_that_diverged_is_not_hidden_behind_the_mean_of_the_others():
    seeds = [paper("live", "resnet"), {"seed": 1, "status": "NaN scores in 1 of 60 images"}]
    check = against_published(results(*seeds), TOLERANCES)
    assert summary(check) == {"falls short": 3, "not run": 297}
    assert found(check)[0].reason == "only 1 of 2 seeds have usable scores"


def test_what_is_not_the_papers_condition_is_not_compared():
    others = [
        paper("live", "resnet", regime="adversarial"),
        paper("live", "resnet") | {"variant": "backbone=resnet18"},
        paper("live", "resnet", "fgsm", 1.0) | {"epsilon": 2.0},
        paper("live", "resnet", "pgd", 1.0) | {"attack": "pgd_soft"},
        paper("live", "resnet") | {"model": "mine"},
    ]
    check = against_published(results(*others), TOLERANCES)
    assert summary(check) == {"not run": 300}
    assert check.exit_status == 2
    assert check.text().startswith("Nothing to compare with published: ")


def test_a_stand_in_is_never_compared_even_under_a_databases_name():
    check = against_published(results(paper("live", "resnet", stand_in=True)), TOLERANCES)
    assert (check.exit_status, summary(check)) == (2, {"not run": 300})
    assert check.notes == ("live stands in for a database and is not compared with published numbers.",)


def test_table5_is_compared_with_the_mask_alone_for_each_reading():
    rows = [
        cprl(f"b={b}", attack, epsilon, reading=reading, b=b, srocc=0.0 if reading == "literal" else 0.2)
        for reading in ("literal", "keep_top")
        for b in (0.3, 0.4)
        for attack, epsilon in (("none", 0.0), ("fgsm", 1.0))
    ]
    check = against_published(results(*rows), TOLERANCES)
    of_table5 = [c for c in check.comparisons if c.table == "cprl, Table 5"]
    verdicts = {(c.condition.variant, c.status) for c in of_table5 if c.metric == "srocc"}
    assert verdicts == {
        ("b=0.3 (b=0.3, literal, 0.0)", "holds"),
        ("b=0.4 (b=0.4, literal, 0.0)", "holds"),
        ("b=0.3 (b=0.3, keep_top, 0.0)", "exceeds"),
        ("b=0.4 (b=0.4, keep_top, 0.0)", "exceeds"),
        *((f"b={b}", "not run") for b in (0.0, 0.1, 0.2, 0.5)),
    }


def test_table6_is_compared_with_and_without_the_pns_risk_at_the_papers_b():
    rows = [cprl("CA"), cprl("CA+PNS", pns_weight=0.3, srocc=-0.1)]
    elsewhere = [cprl("CA", b=0.2), cprl("CA+PNS", b=0.2, pns_weight=0.3)]
    check = against_published(results(*rows, *elsewhere), TOLERANCES)
    of_table6 = [c for c in found(check) if c.table == "cprl, Table 6" and c.metric == "srocc"]
    assert {(c.condition.variant, c.status) for c in of_table6} == {
        ("CA (b=0.4, keep_top, 0.0)", "holds"),
        ("CA+PNS (b=0.4, keep_top, 0.3)", "falls short"),
    }


def test_what_the_reports_leave_out_is_noted():
    rows = [paper("live", "resnet"), paper("live", "resnet", weights="old", created="2020")]
    notes = against_published(results(*rows, unreadable=[("cells/x.parquet", "damaged")]), TOLERANCES).notes
    assert notes[0] == "Not readable, so left out: cells/x.parquet: damaged."
    assert "1 cell of another version of ResNet on LIVE, seed 0 (with other weights)" in notes[1]


def test_another_image_size_and_a_limit_are_noted():
    check = against_published(results(paper("live", "resnet", image_size=96, limit=20)), TOLERANCES)
    assert "On live images of 96 pixels were scored; the paper's have 320." in check.notes
    assert "On live only 20 test images were scored: --limit." in check.notes


# --- Pinned numbers ---


def test_what_was_pinned_holds_as_long_as_nothing_moves(store, tmp_path):
    for model in ("resnet", "sat"):
        drawn_cell(store, noisy(0.1), model=model)
        drawn_cell(store, noisy(0.5), model=model, attack="fgsm", epsilon=2.0)
    said = pin(store.root, tmp_path / "baseline.json")
    assert said == f"4 rows pinned in {tmp_path / 'baseline.json'}."
    rows = json.loads((tmp_path / "baseline.json").read_text())
    assert [tuple(row) for row in rows] == [COLUMNS] * 4
    check = against_baseline(read_results(store, resamples=0), tmp_path / "baseline.json", TOLERANCES)
    assert (check.exit_status, summary(check)) == (0, {"holds": 12})


def test_rows_meet_whatever_changed_behind_their_names_and_the_change_is_named(pinned):
    path = pinned({"srocc": 0.9, **FGSM})
    now = {"weights": "other", "model_params": '{"width": 2}', "versions": "iqabench 0.1.0, torch 9"}
    moved = against_baseline(results({"srocc": 0.8, **FGSM, **now}), path, TOLERANCES)
    assert found(moved, "falls short")[0].reason == "changed: weights, model params, versions"
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


def test_a_parameter_that_the_attack_did_not_have_when_pinned_does_not_matter(pinned):
    then, now = '{"steps": 10}', '{"mask_gradient": "straight", "steps": 10}'
    check = against_baseline(
        results({**PGD, "attack_params": now}), pinned({**PGD, "attack_params": then}), TOLERANCES
    )
    assert check.exit_status == 0


def test_of_an_attack_run_with_several_parameters_the_pinned_ones_are_compared(pinned):
    ten, twenty = ({**PGD, "attack_params": f'{{"steps": {steps}}}'} for steps in (10, 20))
    store = results({**ten, "srocc": 0.4}, {**twenty, "srocc": 0.1, "created": LATER})
    check = against_baseline(store, pinned({**ten, "srocc": 0.4}), TOLERANCES)
    assert check.exit_status == 0


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


def test_of_several_versions_the_one_on_the_pinned_images_is_compared(pinned):
    small = {"srocc": 0.9, "image_size": 96}
    large = {"srocc": 0.2, "image_size": 320, "created": LATER}
    assert against_baseline(results(small, large), pinned(small), TOLERANCES).exit_status == 0


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


# --- Bad input ---


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
    with pytest.raises(UserError, match="cannot be read: not a regular file"):
        read_baseline(tmp_path)


# --- What is printed ---


def test_the_text_counts_first_then_shows_what_moved_worst_first(pinned):
    then = [{"model": name, "srocc": 0.5, "mse": 0.02} for name in ("resnet", "sat", "nima", "cprl")]
    now = [
        {"model": "resnet", "srocc": 0.44, "mse": 0.02},  # 1.2 tolerances
        {"model": "sat", "srocc": 0.5, "mse": 0.05},  # 3 tolerances
        {"model": "nima", "status": "constant scores"},
        {"model": "cprl", "srocc": 0.9, "mse": 0.02},
    ]
    lines = against_baseline(results(*now), pinned(*then), TOLERANCES).text().splitlines()
    assert lines[0].endswith("12 numbers: holds 6, falls short 5, exceeds 1, not run 0, not comparable 0.")
    assert lines[1] == "A number holds within these differences, up or down: SROCC 0.05, PLCC 0.05, MSE 0.01."
    shown = [line.split()[1] for line in lines[6:12]]
    assert shown == ["nima", "nima", "nima", "sat", "resnet", "cprl"]
    assert lines[9].split()[-5:] == ["0.0200", "0.0500", "+0.0300", "falls", "short"]


def test_the_text_stays_short_however_much_moved(pinned):
    models = [f"model{i}" for i in range(60)]
    path = pinned(*({"model": name, "srocc": 0.5} for name in models))
    run = [{"model": name, "srocc": 0.1} for name in models[:30]]
    text = against_baseline(results(*run), path, TOLERANCES).text()
    assert len(text.splitlines()) < 60
    assert "and 10 more: --json lists all" in text


def test_junit_counts_failures_and_skips_and_survives_any_name(pinned):
    check = against_baseline(results({"srocc": 0.1}), pinned({"srocc": 0.9}, FGSM), TOLERANCES)
    root = ElementTree.fromstring(junit(check.suite, check.cases()))
    (suite,) = root
    assert (root.tag, suite.tag, {case.tag for case in suite}) == ("testsuites", "testsuite", {"testcase"})
    assert {name for case in suite for name in case.attrib} == {"classname", "name"}
    assert {part.tag for case in suite for part in case} == {"failure"}
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "4", "errors": "0", "skipped": "0",
    }  # fmt: skip
    assert len(suite.findall("testcase/failure")) == 4
    assert "SROCC 0.1000, expected 0.9000 within 0.05: falls short by 0.8000" in suite[0][0].get("message")

    published = against_published(results(paper("live", "resnet")), TOLERANCES)
    (suite,) = ElementTree.fromstring(junit(published.suite, published.cases()))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("300", "0", "297")
    names = [case.get("name") for case in suite]
    assert len(set(names)) == 300

    strange = [Case("a\x00<b>", 'say "\ud800&\x1b"', "failed", "falls short", "\x07 & <")]
    (suite,) = ElementTree.fromstring(junit("s\x00", strange))
    assert suite[0].get("classname") == "a\N{REPLACEMENT CHARACTER}<b>"


# --- The command ---


@pytest.fixture
def check(iqabench, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *options: iqabench("check", "--results", str(store.root), *options)


def test_pin_then_check_then_a_number_moves(check, store, tmp_path):
    drawn_cell(store, noisy(0.1))
    drawn_cell(store, noisy(0.5), attack="fgsm", epsilon=1.0)
    assert check("--pin", "baseline.json").exit_code == 0
    assert check("--against", "baseline.json").exit_code == 0
    rows = json.loads((tmp_path / "baseline.json").read_text())
    rows[1]["srocc"] += 0.06
    (tmp_path / "baseline.json").write_text(json.dumps(rows))
    done = check("--against", "baseline.json", "--json", "--junit", "reports/check.xml")
    record = json.loads(done.stdout)
    assert (done.exit_code, record["exit_status"], record["verdict"]) == (1, 1, "falls short")
    assert (record["counts"]["holds"], record["counts"]["falls short"]) == (5, 1)
    (worst,) = [row for row in record["comparisons"] if row["status"] == "falls short"]
    assert (worst["attack"], worst["epsilon"], worst["metric"]) == ("fgsm", 1.0, "srocc")
    assert worst["difference"] == pytest.approx(-0.06)
    (suite,) = ElementTree.parse(tmp_path / "reports/check.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("6", "1")


def test_tolerances_come_from_the_configuration_and_published_is_the_default(check, store, tmp_path):
    drawn_cell(store, noisy(0.3))
    assert check().exit_code == 1
    (tmp_path / "bench.toml").write_text("[check]\nsrocc = 2\nplcc = 2\nmse = 1\n")
    assert check().exit_code == check("--against", "published").exit_code == 0
    assert json.loads(check("--json").stdout)["counts"]["holds"] == 3
    (tmp_path / "bench.toml").write_text("[check]\nsroc = 2\n")
    mistaken = check()
    assert mistaken.exit_code == 2
    assert "bench.toml: [check]: unknown key 'sroc': did you mean 'srocc'" in mistaken.output
    (tmp_path / "bench.toml").write_text("[check]\nsrocc = -1\n")
    assert "[check]: key 'srocc': found -1" in check().output


def test_nothing_to_compare_is_exit_status_2_in_every_form(check, store, tmp_path):
    drawn_cell(store, dataset="synthetic")
    told = check()
    assert told.exit_code == 2
    assert told.output.startswith("Nothing to compare with published: the store holds no number of a paper;")
    assert "synthetic stands in for a database and is not compared" in told.output
    record = json.loads(check("--json", "--junit", "check.xml").stdout)
    assert record["verdict"] == "nothing to compare"
    assert ElementTree.parse(tmp_path / "check.xml").getroot().get("skipped") == "300"


def test_wrong_usage_and_an_empty_store_are_exit_status_2_with_a_reason(check, store):
    for options, reason in [
        (["--against", "published", "--claims"], "exclude one another"),
        (["--claims", "--pin", "x.json"], "exclude one another"),
        (["--pin", "x.json", "--json"], "checks nothing"),
        ([], "no results in this folder"),
        (["--pin", "x.json"], "no results in this folder"),
    ]:
        done = check(*options)
        assert (done.exit_code, reason in done.output) == (2, True), done.output
    drawn_cell(store)
    for options, reason in [
        (["--against", "baseline.jsn"], "baseline.jsn: no such file"),
        (["--pin", "results/x"], "--pin results/x: cannot be written"),
        (["--junit", "results/x"], "--junit results/x: cannot be written"),
    ]:
        (store.root / "x").mkdir(exist_ok=True)
        done = check(*options)
        assert (done.exit_code, reason in done.output) == (2, True), done.output


def test_a_cell_that_cannot_be_read_is_named_and_its_pinned_row_fails(check, store):
    drawn_cell(store)
    path = drawn_cell(store, attack="fgsm", epsilon=1.0)
    assert check("--pin", "baseline.json").exit_code == 0
    path.write_bytes(path.read_bytes()[:50])
    done = check("--against", "baseline.json")
    assert done.exit_code == 1
    assert "Not readable, so left out: cells/live/resnet/fgsm-1-" in done.output
    assert "Not run, which fails the check:" in done.output
    assert json.loads(check("--against", "baseline.json", "--json").stdout)["counts"]["not run"] == 3
