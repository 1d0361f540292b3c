"""The metrics are scipy's, their resamples are scipy's on repeated images, and broken scores get a status."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from iqabench.bench.statistics import bootstrap
from iqabench.bench.statistics.bootstrap import bootstrap_counts, weighted_metrics
from iqabench.bench.statistics.metrics import METRICS, OK, evaluate, srocc


def scipy_metrics(quality, scores):
    error = float(np.mean((quality - scores) ** 2))
    return {
        "srocc": stats.spearmanr(quality, scores).statistic,
        "plcc": stats.pearsonr(quality, scores).statistic,
        "mse": error,
        "krocc": stats.kendalltau(quality, scores).statistic,
        "rmse": error**0.5,
    }


def drawn(n, seed=0, noise=0.2, levels=None):
    generator = np.random.default_rng(seed)
    quality = generator.random(n)
    scores = np.clip(quality + generator.normal(0, noise, n), 0, 1)
    if levels:
        quality, scores = np.round(quality * levels) / levels, np.round(scores * levels) / levels
    return quality, scores


@pytest.mark.parametrize("levels", [None, 5], ids=["continuous", "tied"])
def test_values_are_scipys(levels):
    quality, scores = drawn(300, levels=levels)
    measures = evaluate(quality, scores, resamples=10).measures
    expected = scipy_metrics(quality, scores)
    assert {name: measure.value for name, measure in measures.items()} == pytest.approx(expected, abs=1e-12)
    assert tuple(measures) == METRICS


def test_hand_worked_values():
    measures = evaluate([0.0, 0.5, 1.0], [0.2, 0.9, 0.4], resamples=0).measures
    assert measures["srocc"].value == pytest.approx(0.5)  # 1 - 6 (0 + 1 + 1) / (3 * 8)
    assert measures["krocc"].value == pytest.approx(1 / 3)  # two pairs agree, one does not
    assert measures["mse"].value == pytest.approx((0.04 + 0.16 + 0.36) / 3)


@pytest.mark.parametrize("levels", [None, 4], ids=["continuous", "tied"])
def test_a_resample_equals_scipy_on_the_images_repeated(levels):
    quality, scores = drawn(700, levels=levels)
    counts = bootstrap_counts(700, 505, seed=3)  # more than are computed at once
    resampled = weighted_metrics(quality, scores, counts)
    for column in (0, 1, 499, 500, 504):
        times = counts[:, column].astype(int)
        expected = scipy_metrics(np.repeat(quality, times), np.repeat(scores, times))
        assert {name: values[column] for name, values in resampled.items()} == pytest.approx(
            expected, abs=1e-9
        )


LEVEL = st.integers(0, 4)
TIMES = st.integers(0, 3)


def vary(rows):
    """Whether labels and scores of the images drawn are not constant."""
    drawn_rows = [row for row in rows if row[2]]
    return all(len({row[column] for row in drawn_rows}) > 1 for column in (0, 1))


@given(st.lists(st.tuples(LEVEL, LEVEL, TIMES), min_size=2, max_size=12).filter(vary))
def test_small_resamples_full_of_ties_equal_scipy(rows):
    quality, scores, times = (np.array(column) for column in zip(*rows, strict=True))
    counts = times[:, None].astype(np.float32)
    resampled = weighted_metrics(quality / 4.0, scores / 4.0, counts)
    expected = scipy_metrics(np.repeat(quality / 4.0, times), np.repeat(scores / 4.0, times))
    assert {name: values[0] for name, values in resampled.items()} == pytest.approx(expected, abs=1e-9)


def test_a_resample_of_equal_labels_is_undefined_not_a_warning():
    counts = np.array([[2], [0], [1]], dtype=np.float32)
    resampled = weighted_metrics(np.array([0.3, 0.9, 0.3]), np.array([0.1, 0.2, 0.3]), counts)
    assert all(math.isnan(resampled[name][0]) for name in ("srocc", "plcc", "krocc"))
    assert resampled["mse"][0] == pytest.approx((2 * 0.04 + 0) / 3)


def test_a_resample_draws_as_many_images_as_there_are():
    counts = bootstrap_counts(50, 400)
    assert (counts.sum(axis=0) == 50).all()
    assert counts.mean(axis=1) == pytest.approx(1, abs=0.25)  # every image equally often, to 5 deviations


def test_intervals_are_the_percentiles_of_the_resamples():
    quality, scores = drawn(80)
    measures = evaluate(quality, scores, resamples=300, confidence=0.9, seed=5).measures
    counts = bootstrap_counts(80, 300, seed=5)
    values = [
        stats.spearmanr(np.repeat(quality, c), np.repeat(scores, c)).statistic for c in counts.T.astype(int)
    ]
    low, high = np.percentile(values, [5, 95])
    assert (measures["srocc"].low, measures["srocc"].high) == pytest.approx((low, high), abs=1e-9)


def test_one_score_far_from_all_others_leaves_no_resample_out():
    """Without it, the others differ by less than a millionth of the scale that it makes."""
    quality = np.random.default_rng(3).random(40)
    scores = quality + 0.1 * np.random.default_rng(4).normal(size=40)
    scores[0] = 1e7
    counts = bootstrap_counts(40, 200)
    found = weighted_metrics(quality, scores, counts)["plcc"]
    drawn = [np.repeat([quality, scores], times, axis=1) for times in counts.T.astype(int)]
    np.testing.assert_allclose(found, [np.corrcoef(*pair)[0, 1] for pair in drawn], atol=1e-3)
    assert np.isfinite(found).all()


def test_intervals_cover_the_true_correlation_about_as_often_as_they_say():
    generator = np.random.default_rng(1)
    covered = dict.fromkeys(("plcc", "mse"), 0)
    for _ in range(100):
        x, e = generator.normal(size=(2, 80))
        measures = evaluate(x, 0.6 * x + 0.8 * e, resamples=200).measures
        truth = {"plcc": 0.6, "mse": 0.4**2 + 0.8**2}
        for name, value in truth.items():
            covered[name] += measures[name].low <= value <= measures[name].high
    assert all(88 <= hits <= 99 for hits in covered.values()), covered


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    quality, scores = drawn(60)
    first, again = evaluate(quality, scores), evaluate(quality, scores)
    other = evaluate(quality, scores, seed=1)
    assert first == again
    assert first.measures["srocc"].low != other.measures["srocc"].low


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (np.nan, "NaN scores in 12 of 300 images"),
        (np.inf, "infinite scores in 12 of 300 images"),
        (-1e200, "infinite scores in 12 of 300 images"),
    ],
)
def test_scores_that_are_no_numbers_leave_every_metric_undefined(broken, status):
    quality, scores = drawn(300)
    scores[::25] = broken
    evaluation = evaluate(quality, scores)
    assert evaluation.status == status
    assert all(
        math.isnan(number)
        for measure in evaluation.measures.values()
        for number in (measure.value, measure.low, measure.high)
    )


def unbounded(scores):
    """Scores of float32 as a sweep keeps those of `score_range = "unbounded"`."""
    exact = scores.astype(np.float64)
    return (1 + exact / (1 + np.abs(exact))) / 2


@pytest.mark.parametrize("kept", [np.float64, unbounded])
@pytest.mark.parametrize("size", [-1e6, -1, -1e-6, 1e-6, 1, 1e6])
def test_scores_of_any_size_are_constant_only_where_rounding_to_float32_explains_their_spread(size, kept):
    quality, _ = drawn(100)
    step = np.spacing(np.float32(size))
    steps = np.random.default_rng(0).permutation(100)
    for constant in (np.zeros(100), steps % 3):
        evaluation = evaluate(quality, kept((size + step * constant).astype(np.float32)), resamples=0)
        assert evaluation.status == "constant scores"
    scores = (size + step * steps).astype(np.float32)
    evaluation = evaluate(quality, kept(scores), resamples=10)
    assert evaluation.status == OK
    assert evaluation.measures["srocc"].value == pytest.approx(stats.spearmanr(quality, scores).statistic)
    exact = stats.pearsonr(quality, steps).statistic
    assert evaluation.measures["plcc"].value == pytest.approx(np.sign(size) * exact, abs=2e-4)
    assert evaluation.measures["plcc"].low < evaluation.measures["plcc"].value


@pytest.mark.parametrize("jitter", [0.0, 1e-7], ids=["equal", "equal but for rounding"])
def test_constant_scores_have_an_error_but_no_correlation(jitter):
    quality, noise = drawn(100)
    evaluation = evaluate(quality, (0.5 + jitter * noise).astype(np.float32))
    assert evaluation.status == "constant scores"
    assert all(math.isnan(evaluation.measures[name].value) for name in ("srocc", "plcc", "krocc"))
    assert evaluation.measures["mse"].value == pytest.approx(np.mean((quality - 0.5) ** 2), abs=1e-6)


@pytest.mark.parametrize(
    ("quality", "scores", "status"),
    [
        ([], [], "0 images, too few for a correlation"),
        ([0.1], [0.2], "1 image, too few for a correlation"),
        ([0.5, 0.5], [0.1, 0.2], "constant labels"),
        ([0.5, math.nan], [0.1, 0.2], "NaN labels in 1 of 2 images"),
        ([0.5, 0.7], [0.1, 0.2], OK),
    ],
)
def test_the_status_says_what_is_wrong(quality, scores, status):
    assert evaluate(quality, scores).status == status


def test_arrays_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape \(N,\), got \(2,\) and \(3,\)"):
        evaluate([0.1, 0.2], [0.1, 0.2, 0.3])


def test_srocc_alone():
    quality, scores = drawn(40)
    assert srocc(quality, scores) == pytest.approx(stats.spearmanr(quality, scores).statistic)
    assert math.isnan(srocc(quality, np.full(40, 0.5)))


def test_resamples_counted_in_chunks_are_those_drawn_at_once(monkeypatch):
    drawn = np.random.default_rng(3).integers(50, size=(50, 7))
    expected = np.stack([np.bincount(column, minlength=50) for column in drawn.T], axis=1)
    monkeypatch.setattr(bootstrap, "_VALUES_AT_ONCE", 20)
    np.testing.assert_array_equal(bootstrap.bootstrap_counts(50, 7, seed=3), expected)
