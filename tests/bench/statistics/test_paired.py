"""The paired bootstrap against a bootstrap written out, scipy's, and drawn models that differ or do not."""

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats

from iqabench.bench.statistics.bootstrap import bootstrap_counts, weighted_srocc
from iqabench.bench.statistics.paired import holm, paired_difference
from iqabench.bench.statistics.robustness_scores import median


def drawn(images, noises, seed):
    """Labels, and scores of models whose errors have these standard deviations."""
    generator = np.random.default_rng(seed)
    quality = generator.random(images)
    return quality, [quality + generator.normal(0, noise, images) for noise in noises]


def test_it_is_the_bootstrap_written_out_resample_by_resample():
    quality, (first, second, other_seed) = drawn(40, (0.3, 0.2, 0.2), 0)
    counts = bootstrap_counts(40, 300)
    found = paired_difference(partial(weighted_srocc, quality), [first], [second, other_seed], counts)
    differences = []
    for column in counts.T.astype(int):
        rows = np.repeat(np.arange(40), column)
        values = [stats.spearmanr(quality[rows], s[rows]).statistic for s in (first, second, other_seed)]
        differences.append((values[1] + values[2]) / 2 - values[0])
    expected = [stats.spearmanr(quality, s).statistic for s in (first, second, other_seed)]
    assert found.first == pytest.approx(expected[0])
    assert found.second == pytest.approx((expected[1] + expected[2]) / 2)
    assert [found.low, found.high] == pytest.approx(np.percentile(differences, [2.5, 97.5]))
    below = np.mean(np.array(differences) <= 0)
    assert found.p == pytest.approx(2 * (1 + 300 * min(below, 1 - below)) / 301)


def test_its_interval_is_that_of_scipys_paired_bootstrap():
    quality, (first, second) = drawn(60, (0.3, 0.15), 1)

    def statistic(labels, one, other):
        return stats.spearmanr(labels, other).statistic - stats.spearmanr(labels, one).statistic

    theirs = stats.bootstrap(
        (quality, first, second), statistic, paired=True, vectorized=False, n_resamples=800,
        method="percentile", rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    ours = paired_difference(partial(weighted_srocc, quality), [first], [second], bootstrap_counts(60, 4000))
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.03)


def p_values(noises, trials=200, images=60):
    counts = bootstrap_counts(images, 400)
    for seed in range(trials):
        quality, (first, second) = drawn(images, noises, seed)
        yield paired_difference(partial(weighted_srocc, quality), [first], [second], counts).p


def test_models_that_are_equally_good_are_called_different_about_as_often_as_stated():
    share = np.mean([p < 0.05 for p in p_values((0.25, 0.25))])
    assert 0.015 <= share <= 0.085  # 4 standard errors of a share of 5% are 0.06; measured 0.04


def test_models_that_differ_are_told_apart():
    assert np.mean([p < 0.05 for p in p_values((0.4, 0.1), trials=40)]) > 0.95


def test_medians_of_widths_are_compared_too_and_equal_models_have_a_p_of_one():
    widths = np.linspace(0.1, 0.3, 50)
    counts = bootstrap_counts(50, 500)
    same = paired_difference(median, [widths], [widths.copy()], counts)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    narrower = paired_difference(median, [widths], [widths / 2], counts)
    assert narrower.value == pytest.approx(-0.1)
    assert narrower.high < 0
    assert narrower.p == 2 / 501


def test_a_constant_score_has_no_p():
    quality, (first, _) = drawn(30, (0.1, 0.1), 0)
    counts = bootstrap_counts(30, 50)
    assert math.isnan(paired_difference(partial(weighted_srocc, quality), [first], [0 * first], counts).p)


def test_holms_correction_is_that_of_the_textbook():
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    corrected = holm([0.01, math.nan, 0.6, 0.8])
    assert corrected == pytest.approx([0.03, math.nan, 1, 1], nan_ok=True)
    assert holm([]) == []
