"""The logistic before PLCC and RMSE: parameters of drawn curves, and what cannot be fitted."""

import math

import numpy as np
import pytest
from scipy import stats

from iqabench.bench.statistics.logistic import Logistic, fit_logistic

SCORES = np.linspace(0.05, 0.95, 200)


def four(s: float) -> float:
    return 0.1 + (0.9 - 0.1) / (1 + math.exp(-(s - 0.6) / 0.07))


def five(s: float) -> float:
    return 0.5 * (0.5 - 1 / (1 + math.exp(9.0 * (s - 0.4)))) + 0.3 * s + 0.35


@pytest.mark.parametrize(("form", "curve", "parameters"), [
    ("four", four, (0.9, 0.1, 0.6, 0.07)),
    ("five", five, (0.5, 9.0, 0.4, 0.3, 0.35)),
])  # fmt: skip
def test_the_parameters_of_a_drawn_curve_are_found_again(form, curve, parameters) -> None:
    found = fit_logistic(SCORES, [curve(s) for s in SCORES], form)
    signless = [abs(value) if form == "four" and place == 3 else value
                for place, value in enumerate(found.parameters)]  # fmt: skip
    np.testing.assert_allclose(signless, parameters, rtol=1e-4)
    assert found.rises(0, 1)


def test_the_formulas_are_those_of_the_papers() -> None:
    by_hand = Logistic("four", (0.9, 0.1, 0.6, -0.07))
    np.testing.assert_allclose(by_hand([0.2, 0.6, 0.9]), [four(0.2), four(0.6), four(0.9)])
    np.testing.assert_allclose(Logistic("five", (0.5, 9, 0.4, 0.3, 0.35))([0.1, 0.8]), [five(0.1), five(0.8)])


@pytest.mark.parametrize("form", ["four", "five"])
@pytest.mark.parametrize("scale", [1e-5, 1e4])
def test_the_fitted_quality_does_not_depend_on_the_unit_of_the_scores(form, scale) -> None:
    """Large scores on a scale without bounds lie close together below 1 once they are mapped."""
    generator = np.random.default_rng(7)
    scores = generator.beta(2, 2, 60)
    labels = np.clip(1 / (1 + np.exp(-6 * (scores - 0.5))) + generator.normal(0, 0.1, 60), 0, 1)
    others = 1 + scale * scores
    found, other = fit_logistic(scores, labels, form), fit_logistic(others, labels, form)
    np.testing.assert_allclose(other(others), found(scores), atol=1e-3)


def test_noise_leaves_the_least_squares_curve_and_five_never_fit_worse_than_four() -> None:
    draw = np.random.default_rng(3)
    labels = np.clip([five(s) for s in SCORES] + 0.05 * draw.normal(size=200), 0, 1)
    errors = [
        np.square(fit_logistic(SCORES, labels, form)(SCORES) - labels).sum() for form in ("four", "five")
    ]
    assert errors[1] <= errors[0]
    straight = stats.linregress(SCORES, labels)
    assert errors[1] < np.square(straight.intercept + straight.slope * SCORES - labels).sum()


def test_a_curve_that_falls_or_turns_is_seen() -> None:
    assert not fit_logistic(SCORES, [1 - four(s) for s in SCORES], "four").rises(0, 1)
    turning = Logistic("five", (1.0, 20.0, 0.5, -0.5, 0.5))
    assert not turning.rises(0, 1)
    assert turning.rises(0.45, 0.55)


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(ValueError, match="4 images are too few for 5 parameters"):
        fit_logistic([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4], "five")
    with pytest.raises(ValueError, match="does not converge"):
        fit_logistic(np.linspace(0, 1, 50), np.exp(np.linspace(0, 1, 50)) / 3, "five")
