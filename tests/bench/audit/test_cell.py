"""Flags from what an `auto` cell holds, checked on columns written by hand."""

import numpy as np
import pytest

from iqabench.bench.audit.cell import audit_attack, audit_cell

COUNT = 40
CALM = {"gradients": 1000, "zero_gradients": 0, "nonfinite_gradients": 0, "views": ["own"], "draws": 1}


def columns(**changed):
    score = np.linspace(0.2, 0.8, COUNT)
    by = ["apgd"] * COUNT
    return {"score": score, "low": score - 0.1, "high": score + 0.1, "low_by": by, "high_by": by} | changed


def names(*arguments, **options):
    return [flag["indicator"] for flag in audit_cell(*arguments, **options)]


def test_an_honest_cell_has_no_flag_and_one_without_members_and_counts_is_examined_for_what_it_has():
    assert audit_cell(columns(), CALM) == []
    plain = {name: values for name, values in columns().items() if not name.endswith("by")}
    assert audit_cell(plain, {}) == []


@pytest.mark.parametrize(
    ("diagnostics", "flag"),
    [
        ({"zero_gradients": 101}, "blind gradient"),
        ({"nonfinite_gradients": 1}, "gradient not finite"),
        ({"draws": 20}, "passes differ"),
        ({"watched": 0.011}, "another function when watched"),
    ],
)
def test_what_the_search_told_is_flagged_but_for_draws_of_a_model_that_says_it_is_random(diagnostics, flag):
    assert names(columns(), CALM | diagnostics) == [flag]
    assert names(columns(), CALM | diagnostics, stochastic=True) == [flag] * (flag != "passes differ")


def test_zero_gradients_of_scores_at_the_end_of_the_scale_are_not():
    ends = columns(low=np.zeros(COUNT), high=np.linspace(0.3, 0.9, COUNT))
    assert names(ends, CALM | {"zero_gradients": 500}) == []
    assert names(ends, CALM | {"zero_gradients": 501}) == ["blind gradient"]


def test_scores_that_lie_close_together_are_distinct_and_their_ends_widen():
    score = 1 - np.linspace(4.9e-7, 5e-7, COUNT)  # as 1e6 to 1.02e6, mapped into [0, 1]
    assert names(columns(score=score, low=score - 2e-10, high=score + 2e-10), CALM) == []


@pytest.mark.parametrize("score", [np.linspace(20, 80, COUNT), np.linspace(-9, -1, COUNT)])
def test_zero_gradients_are_flagged_on_a_scale_that_is_not_that_of_the_labels(score):
    ends = columns(score=score, low=score - 0.1, high=score + 0.1)
    assert names(ends, CALM | {"zero_gradients": 101}) == ["blind gradient"]
    (flag,) = audit_attack({"score": score}, CALM | {"zero_gradients": 1000})
    assert (flag["indicator"], flag["value"]) == ("blind gradient", 1.0)


def test_ends_found_without_the_gradient_are_flagged_beyond_a_quarter():
    def found(squares):
        return names(columns(low_by=["square"] * squares + ["apgd"] * (COUNT - squares)), CALM)

    assert found(20) == []  # a quarter of both ends
    assert found(21) == ["black-box beats white-box"]


def test_ends_seen_through_are_flagged_unless_the_model_offers_backward_passes():
    through = columns(low_by=["apgd (seen through)"] * COUNT)
    assert names(through, CALM | {"views": ["own", "seen through"]}) == ["hidden gradient"]
    assert names(through, CALM | {"views": ["own", "soft ranks 0.1", "seen through"]}) == []


def test_ends_that_nothing_moved_and_equal_scores_are_flagged():
    score = np.repeat([0.2, 0.5, 0.8, 1.0], COUNT // 4)
    still = columns(score=score, low=score, high=score)
    flags = {flag["indicator"]: flag["value"] for flag in audit_cell(still, CALM)}
    assert flags == {"few distinct scores": 0.1, "ends do not widen": 1.0}


@pytest.mark.parametrize("column", ["score", "high"])
def test_scores_that_are_not_finite_are_flagged_under_every_attack(column):
    """Without labels no status tells of them."""
    low = np.where(np.arange(COUNT) == 3, np.nan, columns()["low"])
    assert names(columns(low=low), CALM) == ["score not finite"]
    scores = np.linspace(0.2, 0.8, 2 * COUNT)
    known = {"score": scores.copy()} | ({"low": scores, "high": scores.copy()} if column == "high" else {})
    assert audit_attack(known, CALM) == []
    known[column][3] = np.nan
    (flag,) = audit_attack(known, CALM)
    assert flag["indicator"] == "score not finite"
    assert flag["sentence"] == "1.25% of the images have no finite score."


def test_an_attack_without_intervals_is_flagged_for_its_gradients_alone():
    scores = {"score": np.linspace(0.2, 0.8, COUNT)}
    assert audit_attack(scores, {}) == audit_attack(scores, CALM) == []
    (flag,) = audit_attack(scores, CALM | {"zero_gradients": 1000})
    assert flag["indicator"] == "blind gradient"
    assert audit_attack({"score": np.ones(COUNT)}, CALM | {"zero_gradients": 1000}) == []


def test_scores_that_change_while_they_are_watched_are_flagged_for_any_attack():
    (flag,) = audit_attack(columns(), CALM | {"watched": 0.011})
    assert flag["indicator"] == "another function when watched"
    assert audit_attack(columns(), CALM | {"watched": 0.009}) == []
    large = {name: 100 * values for name, values in columns().items() if not name.endswith("_by")}
    assert audit_attack(large, CALM | {"watched": 0.5}) == []


def test_images_that_an_attack_returned_as_they_were_are_flagged_unless_their_gradients_are():
    def found(unchanged, diagnostics=CALM, **other):
        ratios = np.where(np.arange(COUNT) < unchanged, np.inf, 30.0)
        told = audit_attack(columns(low_psnr=ratios, high_psnr=other.get("high", ratios)), diagnostics)
        return [flag["value"] for flag in told if flag["indicator"] == "images unchanged"]

    assert found(4) == []  # a tenth
    assert found(5) == found(5, {}) == [0.125]
    assert found(5, CALM | {"zero_gradients": 130}) == []
    assert found(COUNT, high=np.full(COUNT, 30.0)) == []  # one end of each was moved
