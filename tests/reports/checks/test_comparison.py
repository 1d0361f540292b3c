"""A number holds within its tolerance, in both directions."""

import math

import pytest

from iqabench.reports.checks.comparison import Comparison, Condition

from .conftest import TOLERANCES

CONDITION = Condition("live", "resnet", "", "clean", (0,), "none", 0.0)


def judged(metric, expected, measured, tolerance, **facts):
    return Comparison("", CONDITION, metric, expected, tolerance).judged(measured, **facts)


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
