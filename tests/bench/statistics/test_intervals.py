"""Robustness scores equal the published formulas; intervals equal scipy's on the images repeated."""

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.bench.statistics.bootstrap import bootstrap_counts
from iqabench.bench.statistics.intervals import (
    INTERVAL_METRICS,
    PAPER_SPLIT,
    attainable,
    evaluate_intervals,
    reflected,
)
from iqabench.bench.statistics.robustness_scores import energy, mean, median, wasserstein
from iqabench.bench.statistics.worst_case import worst_case_srocc


def attacked(n=80, seed=0):
    generator = np.random.default_rng(seed)
    quality, score = generator.random(n), generator.random(n)
    return quality, score, score - 0.2 * generator.random(n), score + 0.3 * generator.random(n)


def values_of(*arrays):
    return {name: m.value for name, m in evaluate_intervals(*arrays, resamples=0).items()}


def test_values_equal_an_independent_evaluation():
    quality, score, low, high = attacked()
    far = np.where(high - score > score - low, high, low)
    room = np.maximum(1 - score, score)
    reflection = np.where(quality > np.median(quality), low, high)
    expected = {
        "worst_srocc": worst_case_srocc(quality, low, high).value,
        "reflection_srocc": stats.spearmanr(quality, reflection).statistic,
        "reflection_plcc": stats.pearsonr(quality, reflection).statistic,
        "reflection_mse": np.mean((quality - reflection) ** 2),
        "paper_reflection_srocc": stats.spearmanr(quality, np.where(quality > 0.5, low, high)).statistic,
        "r_zhang": np.mean(np.log10(room / np.abs(far - score))),
        "r_msu": np.mean(np.log10(room / (np.abs(far - score) + 1e-6))),
        "gain_up": np.mean(high - score),
        "gain_down": np.mean(score - low),
        "wasserstein": stats.wasserstein_distance(score, high),
        "energy": stats.energy_distance(score, high),
        "median_width": np.median(high - low),
    }
    values = values_of(quality, score, low, high)
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_values_worked_by_hand():
    values = values_of([0.2, 0.8], [0.4, 0.9], [0.3, 0.7], [0.6, 0.91])
    assert values["r_zhang"] == pytest.approx((math.log10(0.6 / 0.2) + math.log10(0.9 / 0.2)) / 2)
    assert values["gain_up"] == pytest.approx(0.105)
    assert values["gain_down"] == pytest.approx(0.15)
    assert values["wasserstein"] == pytest.approx(0.105)  # 0.4 to 0.6 and 0.9 to 0.91
    assert values["median_width"] == pytest.approx(0.255)
    assert values["reflection_mse"] == pytest.approx((0.4**2 + 0.1**2) / 2)
    assert values["reflection_srocc"] == pytest.approx(1)
    assert values["worst_srocc"] == pytest.approx(1)  # the intervals are disjoint


def test_the_interval_of_the_drop_is_that_of_the_differences_on_the_same_images():
    quality, _, low, high = attacked(40)
    score = quality + 0.1 * np.random.default_rng(1).random(40)
    low, high = attainable(score, low, high)
    worst = worst_case_srocc(quality, low, high).scores
    counts = bootstrap_counts(40, 60, seed=3).astype(int)
    drops = []
    for column in counts.T:
        drawn = np.repeat(np.arange(40), column)
        before, after = (stats.spearmanr(quality[drawn], s[drawn]).statistic for s in (score, worst))
        drops.append(before - after)
    measures = evaluate_intervals(quality, score, low, high, resamples=60, seed=3)
    drop = measures["worst_drop"]
    assert drop.value == pytest.approx(
        stats.spearmanr(quality, score).statistic - measures["worst_srocc"].value, abs=1e-9
    )
    assert (drop.low, drop.high) == pytest.approx(tuple(np.percentile(drops, [2.5, 97.5])), abs=1e-9)


def test_resamples_equal_the_formulas_on_the_images_repeated():
    _, score, low, high = attacked(61)
    counts = bootstrap_counts(61, 120, seed=2)
    found = {
        "wasserstein": wasserstein(score, high, counts),
        "down": wasserstein(score, low, counts),
        "energy": energy(score, high, counts),
        "mean": mean(score, counts),
        "median": median(high - low, counts),
    }
    for column in (0, 49, 50, 119):
        times = counts[:, column].astype(int)
        clean, bottom, top = (np.repeat(values, times) for values in (score, low, high))
        assert {name: values[column] for name, values in found.items()} == pytest.approx(
            {
                "wasserstein": stats.wasserstein_distance(clean, top),
                "down": -stats.wasserstein_distance(clean, bottom),
                "energy": stats.energy_distance(clean, top),
                "mean": clean.mean(),
                "median": np.median(top - bottom),
            },
            abs=1e-9,
        )


def test_bootstrap_intervals_hold_the_values_and_repeat_with_the_seed():
    first = evaluate_intervals(*attacked(), resamples=200, seed=1)
    assert tuple(first) == INTERVAL_METRICS
    for name, measure in first.items():
        assert measure.low <= measure.value <= measure.high, name
    assert first == evaluate_intervals(*attacked(), resamples=200, seed=1)
    assert first["r_msu"] != evaluate_intervals(*attacked(), resamples=200, seed=2)["r_msu"]


def test_an_interval_that_misses_the_clean_score_is_widened_to_it():
    low, high = attainable([0.5, 0.5, 0.5], [0.50001, 0.2, 0.6], [0.6, 0.49999, 0.4])
    assert low.tolist() == [0.5, 0.2, 0.4]
    assert high.tolist() == [0.6, 0.5, 0.6]


def test_reflection_splits_at_the_median_or_where_the_paper_does():
    quality, low, high = [0.6, 0.7, 0.8], [0, 0, 0], [1, 1, 1]
    assert reflected(quality, low, high).tolist() == [1, 1, 0]
    assert reflected(quality, low, high, PAPER_SPLIT).tolist() == [0, 0, 0]


def test_the_scale_of_labels_changes_only_the_error_and_what_the_paper_splits_at_its_middle():
    quality, *intervals = attacked()
    first, second = values_of(quality, *intervals), values_of(quality / 4 + 0.7, *intervals)
    for dependent in ("reflection_mse", "paper_reflection_srocc"):
        assert abs(second.pop(dependent) - first.pop(dependent)) > 0.01
    assert second == pytest.approx(first, abs=1e-9)


def test_where_the_median_label_is_the_middle_of_the_scale_the_paper_s_split_gives_the_same():
    quality, *intervals = attacked(61)
    quality += 0.5 - np.median(quality)
    found = evaluate_intervals(quality, *intervals, resamples=50)
    assert found["paper_reflection_srocc"] == found["reflection_srocc"]


def test_an_added_image_moves_no_other_images_score():
    _, score, low, high = attacked(20)
    short = values_of(np.linspace(0, 1, 19), score[:19], low[:19], high[:19])
    whole = values_of(np.linspace(0, 1, 20), score, low, high)
    far = max(high[19] - score[19], score[19] - low[19])
    last = math.log10(max(1 - score[19], score[19]) / far)
    assert whole["r_zhang"] == pytest.approx((19 * short["r_zhang"] + last) / 20, abs=1e-12)


def test_undefined_values_say_why():
    quality, score, low, high = attacked(10)
    low[3] = high[3] = score[3]
    found = evaluate_intervals(quality, score, low, high, resamples=10)
    assert math.isnan(found["r_zhang"].value)
    assert found.reasons == {"r_zhang": "the score did not move in 1 of 10 images"}
    assert math.isfinite(found["r_msu"].low)

    constant = evaluate_intervals(np.full(10, 0.5), score, low, high, resamples=10)
    assert constant.reasons["worst_srocc"] == constant.reasons["reflection_plcc"] == "constant labels"
    assert math.isfinite(constant["reflection_mse"].value)

    low[0] = math.nan
    broken = evaluate_intervals(quality, score, low, high)
    assert all(math.isnan(measure.value) for measure in broken.values())
    assert set(broken.reasons) == set(INTERVAL_METRICS)
    assert "1 of 10 images" in broken.reasons["energy"]
    assert evaluate_intervals([], [], [], []).reasons["energy"] == "no images"


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"one shape .*\(2,\), \(1,\)"):
        evaluate_intervals([0.1, 0.2], [0.1], [0.1, 0.2], [0.1, 0.2])
