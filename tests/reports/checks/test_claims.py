"""The paper's claims: true, false or not run, by what a store holds."""

import json
from xml.etree import ElementTree

import pytest

from iqabench.bench.store.store import Store
from iqabench.reports.checks.claims import evaluate_claims
from iqabench.reports.checks.junit import junit

from ...fabricated import drawn_cell, noisy, results

BEST = "CPRL has the best SROCC under FGSM at 1/255"
FALLS = "Each baseline's SROCC falls by more than half under FGSM at 1/255"
CLEAN = "CPRL's SROCC without attack is within 0.1 of the best"
EPSILON = "A larger epsilon of FGSM never helps"
PNS = "The PNS risk improves the mask alone without attack"
PNS_ATTACKED = "The PNS risk improves the mask alone under FGSM at 1/255"
TOLERANCE = 0.05


def clean(model, srocc, **stated):
    return {"model": model, "srocc": srocc, **stated}


def fgsm(model, srocc, epsilon=1.0, **stated):
    return {"model": model, "srocc": srocc, "attack": "fgsm", "epsilon": epsilon, **stated}


def cprl(pns_weight, srocc, *, b=0.4, reading="keep_top", **stated):
    params = {"b": b, "reading": reading, "pns_weight": pns_weight}
    variant = f"b={b}, {reading}, {pns_weight}"
    return {"model": "cprl", "srocc": srocc, "variant": variant, "model_params": json.dumps(params), **stated}


def broken(row):
    return row | {"srocc": float("nan"), "status": "NaN scores in 3 of 100 images"}


def claim(statement, *rows, dataset="live"):
    """The claim of this statement on a dataset, of a store with these rows."""
    claims = evaluate_claims(results(*rows), TOLERANCE).claims
    (found,) = [c for c in claims if (c.statement, c.dataset) == (statement, dataset)]
    return found


def test_cprl_is_the_best_under_attack_if_no_model_of_the_paper_is_better():
    rows = [fgsm("cprl", 0.8), fgsm("resnet", 0.2), fgsm("sat", 0.5)]
    best = claim(BEST, *rows)
    assert (best.verdict, best.numbers) == ("true", {"CPRL": 0.8, "SAT": 0.5, "ResNet": 0.2})
    assert best.evidence == (
        "CPRL 0.800, SAT 0.500, ResNet 0.200; not run: DBCNN, NIMA, LWTA and Denoise"
    )  # fmt: skip
    assert claim(BEST, *rows, fgsm("lwta", 0.81)).verdict == "false"
    assert claim(BEST, *rows, fgsm("mine", 0.9)).verdict == "true"


@pytest.mark.parametrize(
    "rows",
    [
        [fgsm("cprl", 0.8)],
        [fgsm("resnet", 0.8), fgsm("sat", 0.8)],
        [clean("cprl", 0.8), clean("resnet", 0.2)],
        [fgsm("cprl", 0.8, 2.0), fgsm("resnet", 0.2, 2.0)],
        [fgsm("cprl", 0.8, regime="adversarial"), fgsm("resnet", 0.2)],
    ],
)
def test_the_best_needs_cprl_and_a_rival_under_that_condition(rows):
    assert claim(BEST, *rows).verdict == "not run"


def test_a_cprl_without_usable_scores_is_not_the_best_and_a_rival_without_them_is_named():
    assert claim(BEST, broken(fgsm("cprl", 0.8)), fgsm("resnet", 0.2)).verdict == "false"
    best = claim(BEST, fgsm("cprl", 0.8), fgsm("resnet", 0.2), broken(fgsm("sat", 0.9)))
    assert best.verdict == "true"
    assert "no usable scores: SAT" in best.evidence


def test_each_baseline_must_lose_more_than_half():
    rows = [clean("resnet", 0.9), fgsm("resnet", 0.44), clean("sat", 0.8), fgsm("sat", -0.2)]
    falls = claim(FALLS, *rows, clean("cprl", 0.9), fgsm("cprl", 0.85))
    assert falls.verdict == "true"
    assert falls.evidence.startswith("ResNet 0.900 → 0.440, SAT 0.800 → −0.200; not run: DBCNN, ")
    assert falls.numbers["SAT fgsm"] == -0.2
    assert claim(FALLS, *rows, clean("nima", 0.9), fgsm("nima", 0.45)).verdict == "false"
    assert claim(FALLS, clean("cprl", 0.9), fgsm("cprl", 0.1)).verdict == "not run"
    assert claim(FALLS, clean("resnet", 0.9), fgsm("sat", 0.1)).verdict == "not run"


def test_a_baseline_that_ranks_nothing_without_attack_has_nothing_to_lose():
    random = [clean("lwta", -0.02), fgsm("lwta", -0.4)]
    assert claim(FALLS, *random).verdict == "not run"
    falls = claim(FALLS, *random, clean("resnet", 0.9), fgsm("resnet", 0.1))
    assert falls.verdict == "true"
    assert "no positive SROCC to lose: LWTA" in falls.evidence


@pytest.mark.parametrize(
    ("cprl_srocc", "verdict"), [(0.95, "true"), (0.8, "true"), (0.799, "false")]
)  # 0.9 - 0.8 is a little more than 0.1 in binary
def test_cprl_without_attack_is_within_a_tenth_of_the_best(cprl_srocc, verdict):
    rows = [clean("cprl", cprl_srocc), clean("resnet", 0.9), clean("sat", 0.3)]
    assert claim(CLEAN, *rows).verdict == verdict
    assert claim(CLEAN, rows[0]).verdict == "not run"


def test_a_larger_epsilon_helps_if_any_later_strength_is_better_by_more_than_the_tolerance():
    falling = [clean("resnet", 0.9), fgsm("resnet", 0.1), fgsm("resnet", -0.3, 4.0)]
    assert claim(EPSILON, *falling).verdict == "true"
    assert claim(EPSILON, *falling).numbers["largest rise of ResNet"] == pytest.approx(-0.4)
    noise = claim(EPSILON, *falling, fgsm("resnet", -0.25, 8.0))
    assert noise.verdict == "true"
    small_steps = [fgsm("resnet", -0.3 + step, 4.0 + step) for step in (0.04, 0.08)]
    helps = claim(EPSILON, *falling, *small_steps)
    assert helps.verdict == "false"
    assert helps.evidence.startswith("ResNet −0.300 at 4/255 → −0.220 at 4.08/255")
    above_clean = [clean("sat", 0.2), fgsm("sat", 0.5), fgsm("sat", 0.4, 2.0)]
    assert claim(EPSILON, *above_clean).verdict == "false"


def test_a_larger_epsilon_needs_two_strengths_with_usable_scores():
    one = [clean("resnet", 0.9), fgsm("resnet", 0.1)]
    assert claim(EPSILON, *one).verdict == "not run"
    assert claim(EPSILON, *one, broken(fgsm("resnet", 0.5, 2.0))).verdict == "not run"


def test_the_pns_risk_is_compared_with_the_mask_alone_of_the_same_setting():
    rows = [cprl(0.0, 0.80), cprl(0.3, 0.85)]
    better = claim(PNS, *rows)
    assert (better.verdict, better.numbers) == ("true", {"mask alone": 0.80, "PNS weight 0.3": 0.85})
    assert claim(PNS_ATTACKED, *rows).verdict == "not run"
    attacked = [row | {"attack": "fgsm", "epsilon": 1.0} for row in (cprl(0.0, 0.5), cprl(0.3, 0.5))]
    assert claim(PNS_ATTACKED, *rows, *attacked).verdict == "false"
    assert claim(PNS, cprl(0.0, 0.80), cprl(0.3, 0.85, b=0.2)).verdict == "not run"
    assert claim(PNS, cprl(0.0, 0.80), broken(cprl(0.3, 0.85))).verdict == "false"


def test_each_setting_of_the_mask_is_a_claim_of_its_own():
    rows = [cprl(0.0, 0.8), cprl(0.3, 0.9)]
    rows += [cprl(weight, srocc, reading="literal") for weight, srocc in ((0.0, 0.8), (0.3, 0.7))]
    assert claim(f"{PNS} (b = 0.4, keep_top)", *rows).verdict == "true"
    assert claim(f"{PNS} (b = 0.4, literal)", *rows).verdict == "false"


def test_a_stand_in_is_evaluated_and_named_and_databases_that_were_not_run_are_listed():
    rows = [row | {"dataset": "synthetic", "stand_in": True} for row in (fgsm("cprl", 0.8), fgsm("sat", 0.1))]
    claims = evaluate_claims(results(*rows), TOLERANCE)
    best = claim(BEST, *rows, dataset="synthetic")
    assert (best.verdict, best.stand_in) == ("true", True)
    assert claims.counts["true"] == 1
    text = claims.text()
    assert text.startswith("45 claims of the paper: true 1, false 0, not run 44.")
    assert f"  synthetic*: {BEST}.\n    CPRL 0.800, SAT 0.100; not run: " in text
    assert f"  {BEST}: on VCL, LIVE, LIVEC and KONIQ\n" in text
    assert "* synthetic stands in for a database" in text


def test_seeds_count_by_their_mean():
    rows = [fgsm("cprl", 0.3, seed=0), fgsm("cprl", 0.7, seed=1), fgsm("sat", 0.45)]
    best = claim(BEST, *rows)
    assert (best.verdict, best.numbers["CPRL"]) == ("true", 0.5)


def test_the_exit_status_says_whether_any_is_false_or_none_was_run():
    true = [fgsm("cprl", 0.8), fgsm("sat", 0.5)]
    assert evaluate_claims(results(*true), TOLERANCE).exit_status == 0
    assert evaluate_claims(results(*true, clean("cprl", 0.2), clean("sat", 0.9)), TOLERANCE).exit_status == 1
    nothing = evaluate_claims(results(clean("mine", 0.8)), TOLERANCE)
    assert nothing.exit_status == 2
    assert "Nothing to evaluate: `iqabench run --models all`" in nothing.text()


def test_junit_has_a_case_for_each_claim():
    rows = [fgsm("cprl", 0.8), fgsm("sat", 0.4), clean("cprl", 0.2), clean("sat", 0.9)]
    claims = evaluate_claims(results(*rows), TOLERANCE)
    (suite,) = ElementTree.fromstring(junit(claims.suite, claims.cases()))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("36", "1", "33")
    assert len({case.get("name") for case in suite}) == 36
    assert suite.find("testcase/failure").get("message").startswith("SAT 0.900, CPRL 0.200; not run: ")


def test_the_command_prints_text_or_json_and_takes_its_tolerance_from_the_configuration(
    iqabench, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results")
    for model, epsilon, noise in [("resnet", 1.0, 0.5), ("resnet", 2.0, 0.2), ("cprl", 1.0, 0.1)]:
        drawn_cell(store, noisy(noise), model=model, attack="fgsm", epsilon=epsilon)
    done = iqabench("check", "--claims", exits=1)
    assert f"False:\n  LIVE: {EPSILON}." in done.output
    record = json.loads(iqabench("check", "--claims", "--json", "--junit", "claims.xml").stdout)
    assert (record["verdict"], record["exit_status"]) == ("false", 1)
    assert record["counts"] == {"true": 1, "false": 1, "not run": 34}
    assert ElementTree.parse(tmp_path / "claims.xml").getroot().get("failures") == "1"
    (tmp_path / "bench.toml").write_text("[check]\nsrocc = 1\n")
    assert iqabench("check", "--claims").exit_code == 0
