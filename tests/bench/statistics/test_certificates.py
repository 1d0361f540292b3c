"""Certified intervals, against a linear model's closed form, simulated draws and brute force."""

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.bench.statistics.certificates import certified_intervals, lower_rank, upper_rank
from iqabench.bench.statistics.worst_case import worst_case_srocc


def test_of_a_linear_model_the_interval_is_the_score_and_the_norm_of_its_weights_times_the_radius() -> None:
    """f(x + G) is N(f(x), sigma^2 |w|^2), so its quantiles move by exactly r |w| with the radius r."""
    generator = np.random.default_rng(0)
    weights, sigma, radius = generator.normal(size=50) / 40, 0.1, 0.06
    length, clean = float(np.linalg.norm(weights)), np.array([0.4, 0.5])
    scores = clean[:, None] + sigma * length * generator.normal(size=(2, 200_000))
    low, high = certified_intervals(scores, sigma, radius)
    error = 6 * sigma * length * math.sqrt(math.pi / 2 / 200_000)
    np.testing.assert_allclose(low, clean - radius * length, atol=error)
    np.testing.assert_allclose(high, clean + radius * length, atol=error)
    assert (low <= clean - radius * length).all()
    assert (high >= clean + radius * length).all()


@pytest.mark.parametrize(("count", "p"), [(10, 0.3), (101, 0.5), (1000, 0.02), (50, 1e-4)])
def test_ranks_are_the_tightest_whose_risk_the_binomial_distribution_allows(count: int, p: float) -> None:
    below, above = lower_rank(count, p, 0.01), upper_rank(count, p, 0.01)
    exceeds = [stats.binom.cdf(rank - 1, count, p) for rank in range(1, count + 1)]
    assert below == max((rank for rank in range(1, count + 1) if exceeds[rank - 1] <= 0.01), default=0)
    falls_short = [stats.binom.sf(rank - 1, count, p) for rank in range(1, count + 1)]
    allowed = (rank for rank in range(1, count + 1) if falls_short[rank - 1] <= 0.01)
    assert above == min(allowed, default=count + 1)


@pytest.mark.parametrize("radius", [0.0, 0.05, 0.1])
def test_intervals_hold_as_often_as_the_confidence_says(radius: float) -> None:
    """4,000 images whose noisy scores are uniform: the quantiles are known."""
    generator = np.random.default_rng(1)
    low, high = certified_intervals(generator.random((4000, 99)), 0.1, radius, confidence=0.9)
    at_low, at_high = stats.norm.cdf(-radius / 0.1), stats.norm.cdf(radius / 0.1)
    for wrong in (low > at_low, high < at_high):
        assert wrong.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_medians_of_fresh_draws_lie_inside_the_intervals_for_samples() -> None:
    """At the far end of a linear model, where the smoothed score is as far as it can be."""
    generator = np.random.default_rng(2)
    scores = 0.5 + 0.01 * generator.normal(size=(300, 500))
    low, high = certified_intervals(scores, 0.1, 0.05, confidence=0.9, samples=25, draws=20)
    moved = 0.5 - 0.005 + 0.01 * generator.normal(size=(300, 20, 25))
    medians = np.median(moved, axis=2)
    outside = ((medians < low[:, None]) | (medians > high[:, None])).any(axis=1)
    assert outside.mean() <= 0.1
    exact, _ = certified_intervals(scores, 0.1, 0.05, confidence=0.9)
    assert (low < exact).all()


def test_where_samples_bound_nothing_the_interval_is_the_range_of_scores() -> None:
    low, high = certified_intervals(np.full((1, 20), 0.5), 0.1, 1.0)
    assert (low[0], high[0]) == (0, 1)


def test_the_certified_worst_case_is_at_most_any_attained_one() -> None:
    generator = np.random.default_rng(3)
    quality = np.linspace(0, 1, 30)
    scores = quality[:, None] + 0.05 * generator.normal(size=(30, 400))
    low, high = certified_intervals(scores, 0.1, 0.1)
    attained = quality - 0.03, quality + 0.03
    assert ((low <= attained[0]) & (high >= attained[1])).all()
    assert worst_case_srocc(quality, low, high).value <= worst_case_srocc(quality, *attained).value


def test_an_even_number_of_samples_and_scores_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        certified_intervals(np.zeros((1, 9)), 0.1, 0.1, samples=4)
    with pytest.raises(ValueError, match=r"\(N, n\)"):
        certified_intervals(np.zeros(9).reshape(1, 3, 3), 0.1, 0.1)
