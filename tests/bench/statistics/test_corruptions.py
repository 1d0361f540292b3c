"""Monotonicity and sensitivity, by hand and at their limits."""

import numpy as np
import pytest

from iqabench.bench.statistics.corruptions import monotonicity, sensitivity


def test_monotonicity_is_one_where_scores_fall_and_minus_one_where_they_rise() -> None:
    falling = np.linspace(1, 0, 6)
    scores = np.stack([falling, falling[::-1], np.full(6, 0.5), falling[[0, 2, 1, 3, 4, 5]]], axis=1)
    np.testing.assert_allclose(monotonicity(scores), [1, -1, 0, 13 / 15])


def test_monotonicity_of_a_score_that_is_nan_is_undefined() -> None:
    scores = np.array([[0.5, 0.5], [0.4, np.nan], [0.3, 0.3]])
    np.testing.assert_array_equal(monotonicity(scores), [1, np.nan])


def test_sensitivity_is_the_fall_in_standard_deviations_of_the_clean_scores() -> None:
    scores = np.array([[0.2, 0.6], [0.9, 0.9], [0.1, 0.3]])
    assert sensitivity(scores) == pytest.approx(0.2 / 0.2)
    assert np.isnan(sensitivity(np.full((3, 2), 0.5)))
