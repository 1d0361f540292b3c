"""The worst case is never above what an exhaustive search finds; its scores lie inside the intervals."""

import itertools
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from iqabench.bench.statistics.worst_case import spread_scores, worst_case_plcc, worst_case_srocc


@lru_cache
def weak_orders(n):
    """Every order of n images with ties, as average ranks."""
    levels = [row for row in itertools.product(range(n), repeat=n) if set(row) == set(range(max(row) + 1))]
    return stats.rankdata(np.array(levels), axis=1)


def exhaustive_srocc(quality, low, high):
    """The lowest Spearman correlation over all orders for which ascending scores fit into the intervals."""
    ranks = weak_orders(len(quality))
    fits = np.ones(len(ranks), dtype=bool)
    for a, b in itertools.permutations(range(len(quality)), 2):
        if low[a] >= high[b]:
            fits &= ~(ranks[:, a] < ranks[:, b])
        if low[a] > high[b]:
            fits &= ranks[:, a] != ranks[:, b]
    return lowest_correlation(stats.rankdata(quality), ranks[fits])


def grid_search_plcc(quality, low, high, points):
    return lowest_correlation(quality, np.array(list(grid(low, high, points))))


def grid(low, high, points):
    return itertools.product(*(np.unique(np.linspace(*ends, points)) for ends in zip(low, high, strict=True)))


def lowest_correlation(labels, rows):
    centred = rows - rows.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1))
    z = labels - labels.mean()
    defined = size > 1e-9
    return float(((centred @ z)[defined] / size[defined]).min() / np.sqrt((z**2).sum()))


def assert_inside(scores, low, high):
    assert ((scores >= low) & (scores <= high)).all()


@st.composite
def problems(draw, most=6):
    """Labels and intervals with many ties: touching, nested, identical and of no width."""
    n = draw(st.integers(2, most))
    levels = draw(st.sampled_from([2, 4, 1000]))
    values = st.lists(st.integers(0, levels), min_size=n, max_size=n)
    quality = np.array(draw(values.filter(lambda row: len(set(row)) > 1))) / levels
    ends = np.sort(np.array([draw(values), draw(values)]) / levels, axis=0)
    return quality, ends[0], ends[1]


def varied(problem):
    _, low, high = problem
    return high.max() > low.min()


@settings(max_examples=150, deadline=None)
@given(problems().filter(varied))
def test_srocc_equals_an_exhaustive_search(problem):
    found = worst_case_srocc(*problem)
    assert_inside(found.scores, *problem[1:])
    assert found.value == pytest.approx(stats.spearmanr(problem[0], found.scores).statistic, abs=1e-9)
    assert 0 <= found.value - exhaustive_srocc(*problem) + 1e-9 <= 0.01


@pytest.mark.parametrize("seed", range(60))
def test_srocc_equals_an_exhaustive_search_where_intervals_touch_but_for_rounding(seed):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 5))
    ends = generator.random(3)
    ends = np.sort(generator.choice(np.r_[ends, np.nextafter(ends, 1), 0, 1], (2, n)), axis=0)
    problem = generator.random(n), ends[0], ends[1]
    found = worst_case_srocc(*problem)
    assert_inside(found.scores, *problem[1:])
    assert found.value == pytest.approx(exhaustive_srocc(*problem), abs=1e-9)


def test_an_order_that_no_scores_in_float64_have_is_found_and_scores_come_near_it():
    above = np.nextafter(0.6, 1)
    found = worst_case_srocc([0.9, 0.5, 0.1], [0.6, 0.5, 0.5], [0.7, 0.7, above])
    assert found.value == pytest.approx(-1)
    assert stats.spearmanr([0.9, 0.5, 0.1], found.scores).statistic == pytest.approx(-(3**0.5) / 2)


@settings(max_examples=150, deadline=None)
@given(problems().filter(varied))
def test_plcc_is_never_above_a_grid_search(problem):
    found = worst_case_plcc(*problem)
    assert_inside(found.scores, *problem[1:])
    assert found.value == pytest.approx(stats.pearsonr(problem[0], found.scores).statistic, abs=1e-6)
    assert found.value <= grid_search_plcc(*problem, points=5) + 1e-7


def attacked(n, width, seed=0, noise=0.1):
    generator = np.random.default_rng(seed)
    quality = generator.random(n)
    score = np.clip(quality + generator.normal(0, noise, n), 0, 1)
    return quality, score - width * generator.random(n), score + width * generator.random(n)


@pytest.mark.parametrize("width", [0.02, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(6))
def test_both_match_on_intervals_as_an_attack_leaves_them(width, seed):
    problem = attacked(6, width, seed)
    assert worst_case_srocc(*problem).value == pytest.approx(exhaustive_srocc(*problem), abs=1e-9)
    assert worst_case_plcc(*problem).value <= grid_search_plcc(*problem, points=5) + 1e-9


@pytest.mark.parametrize("width", [0.05, 0.3, 0.6, 1.2])
def test_plcc_is_not_above_what_a_general_optimiser_finds(width):
    quality, low, high = attacked(25, width, seed=3)
    starts = [(low + high) / 2, np.where(quality > 0.5, low, high)]
    found = min(
        optimize.minimize(
            lambda scores: np.corrcoef(quality, scores)[0, 1],
            start,
            bounds=list(zip(low, high, strict=True)),
            method="L-BFGS-B",
        ).fun
        for start in starts
    )
    assert worst_case_plcc(quality, low, high).value <= found + 1e-7


@pytest.mark.parametrize("width", [0.1, 0.3])
def test_srocc_of_twelve_images_is_the_best_order_of_all(width):
    quality, low, high = attacked(12, width, seed=1)
    rank = stats.rankdata(quality)
    before = [sum(1 << j for j in range(12) if high[j] <= low[i]) for i in range(12)]
    cost = np.full(1 << 12, np.inf)
    cost[0] = 0
    for placed in range(1 << 12):
        for i in range(12):
            if not placed >> i & 1 and placed & before[i] == before[i]:
                following = placed | 1 << i
                total = cost[placed] + rank[i] * following.bit_count()
                cost[following] = min(cost[following], total)
    best = 1 - 6 * (2 * 650 - 2 * cost[-1]) / (12 * 143)  # 650: the squares of 1 to 12
    assert worst_case_srocc(quality, low, high).value == pytest.approx(best, abs=1e-9)


def test_values_worked_by_hand():
    wide = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]
    assert worst_case_srocc([0.1, 0.5, 0.9], *wide).value == pytest.approx(-1)
    assert worst_case_plcc([0.1, 0.5, 0.9], *wide).value == pytest.approx(-1)
    # The second image stays above the first, the third may fall below both: ranks 2, 3, 1.
    low, high = [0.4, 0.6, 0.0], [0.5, 0.7, 1.0]
    assert worst_case_srocc([0.1, 0.5, 0.9], low, high).value == pytest.approx(-0.5)
    # Two equal labels share a score: a perfect inversion, where 1, 2, 3 against 2.5, 2.5, 1 is not.
    tied = worst_case_srocc([0.9, 0.9, 0.1], *wide)
    assert tied.value == pytest.approx(-1)
    assert tied.scores[0] == tied.scores[1] < tied.scores[2]


def test_intervals_of_no_width_leave_the_clean_correlation():
    quality, low, _ = attacked(50, 0.1)
    assert worst_case_srocc(quality, low, low).value == pytest.approx(stats.spearmanr(quality, low).statistic)
    assert worst_case_plcc(quality, low, low).value == pytest.approx(stats.pearsonr(quality, low).statistic)


def test_wider_intervals_never_raise_the_worst_case():
    quality, score, _ = attacked(60, 0.0, seed=5)
    for worst in (worst_case_srocc, worst_case_plcc):
        values = [worst(quality, score - width, score + width).value for width in (0, 0.02, 0.1, 0.3, 0.9)]
        assert values == sorted(values, reverse=True)
        assert values[-1] == pytest.approx(-1)


@pytest.mark.parametrize("worst", [worst_case_srocc, worst_case_plcc])
def test_large_scores_on_a_scale_without_bounds_have_a_worst_case(worst):
    mapped = [1 - 0.5 / (1 + 1e6 + np.array(ends)) for ends in ([0.0, 10, 20], [5.0, 15, 25])]
    assert worst([0.1, 0.5, 0.9], *mapped).value == pytest.approx(1, abs=0.1)
    assert worst([0.9, 0.5, 0.1], *mapped).value == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("worst", [worst_case_srocc, worst_case_plcc])
def test_undefined_where_labels_or_all_scores_are_constant(worst):
    constant = worst([0.5, 0.5], [0.0, 0.0], [1.0, 0.5])
    assert np.isnan(constant.value)
    assert constant.scores.tolist() == [0.5, 0.25]
    assert np.isnan(worst([0.1, 0.9], [0.5, 0.5], [0.5, np.nextafter(np.float32(0.5), np.float32(1))]).value)
    assert np.isnan(worst([0.1], [0.0], [1.0]).value)
    assert np.isnan(worst([], [], []).value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([0.1, 0.2], [0.0, 0.5], [1.0, 0.4]), "interval of image 1 is empty: low 0.5 > high 0.4"),
        (([0.1, 0.2], [0.0], [1.0, 0.4]), "one shape"),
        (([0.1, np.nan], [0.0, 0.0], [1.0, 1.0]), "finite"),
    ],
)
def test_broken_input_is_refused(arrays, message):
    with pytest.raises(ValueError, match=message):
        worst_case_srocc(*arrays)


def test_scores_keep_the_largest_common_distance():
    scores = spread_scores(np.array([0, 1, 2]), np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0]))
    assert scores == pytest.approx([0, 0.5, 1])
    scores = spread_scores(np.array([1, 0]), np.array([0.0, 0.4]), np.array([0.5, 1.0]))
    assert scores == pytest.approx([0.5, 0.4])


def test_the_choice_inverts_more_than_score_reflection():
    quality, low, high = attacked(300, 0.3)
    found = worst_case_srocc(quality, low, high)
    reflection = np.where(quality > np.median(quality), low, high)
    assert found.value < stats.spearmanr(quality, reflection).statistic - 0.03


@pytest.mark.parametrize("width", [0.1, 0.3, 0.8])
def test_saturated_scores_that_only_a_tie_can_bring_together_are_tied(width):
    quality, low, high = attacked(120, width, noise=0.4)
    low, high = np.clip(low * 1.6 - 0.3, 0, 1), np.clip(high * 1.6 - 0.3, 0, 1)
    found = worst_case_srocc(quality, low, high)
    assert_inside(found.scores, low, high)
    chosen = [np.where(quality > cut, low, high) for cut in np.quantile(quality, [0.3, 0.5, 0.7])]
    chosen.append(worst_case_plcc(stats.rankdata(quality), low, high).scores)
    assert found.value <= min(stats.spearmanr(quality, scores).statistic for scores in chosen) + 1e-12

    # Two images are stuck at 1. The third, whose label is lower, can join them there but not pass them.
    assert worst_case_srocc([0.2, 0.5, 0.9], [0, 1, 1], [1, 1, 1]).value == pytest.approx(3**0.5 / 2)
    # Fifty are stuck at 1, and all but one of the others can join them: hardly a correlation is left.
    quality, low = np.linspace(0, 1, 100), np.r_[np.zeros(50), np.ones(50)]
    lone = np.where(np.arange(100) == 49, 0.0, 1.0)
    found = worst_case_srocc(quality, low, np.ones(100))
    assert found.value <= stats.spearmanr(quality, lone).statistic + 1e-12
