"""The worst SROCC and PLCC that are possible when every image's score may lie anywhere in an interval.

An attack (or a certificate) gives an interval of scores for each image. The worst case chooses one score
inside each so that the correlation with the labels is as low as it can be.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .bootstrap import Array
from .metrics import is_constant
from .worst_order import worst_levels

_NEWTON_STEPS = 200
_ROUNDS = 100
_SMALL = 64  # images: here every start is improved, and two scores at a time


@dataclass(frozen=True)
class WorstCase:
    """The lowest correlation that was found, and scores that give it."""

    value: float  # NaN where it is undefined
    scores: Array  # (N,), each inside its interval


def worst_case_srocc(quality: ArrayLike, low: ArrayLike, high: ArrayLike) -> WorstCase:
    """Choose a score inside each interval so that Spearman's correlation with the labels is lowest.

    Ranks are average ranks, as in scipy. An order of the images is possible exactly when no image stands
    below one whose whole interval lies beneath its own, so the search is over the linear extensions of an
    interval order: minimise the sum of label rank times position, which is single-machine scheduling with
    weighted completion times and is NP-hard for interval orders (Ambühl, Mastrolilli, Mutsanas & Svensson,
    "Scheduling with precedence constraints of low fractional dimension", IPCO 2007). So `worst_order`
    improves good orders until no move helps, and the value is an estimate: the minimum may lie below it.

    Args:
        quality: (N,) labels.
        low: (N,) least score of each image.
        high: (N,) largest score of each image.

    Returns:
        The value and the scores. These have it, but where intervals overlap by so little that float64 has no
        scores between their ends. Scores that differ keep the largest common distance that the order allows,
        so that they can be realised as images. Undefined (NaN, and the middle of each interval) when labels
        are constant, or when all intervals lie in a range that rounding explains.

    Raises:
        ValueError: the arrays differ in shape, are not (N,), hold NaN, or `low` exceeds `high`.
    """
    labels, lows, highs = _checked(quality, low, high)
    if _undefined(labels, lows, highs):
        return WorstCase(math.nan, (lows + highs) / 2)
    ranks = stats.rankdata(labels)
    relaxed = _worst_pearson(ranks - ranks.mean(), lows, highs)
    levels = worst_levels(ranks - ranks.mean(), lows, highs, relaxed)
    value, scores = _correlation(ranks, stats.rankdata(levels)), spread_scores(levels, lows, highs)
    if _correlation(ranks, stats.rankdata(scores)) > value:
        highs = _touching(lows, highs)
        levels = worst_levels(ranks - ranks.mean(), lows, highs, np.minimum(relaxed, highs))
        apart = spread_scores(levels, lows, highs)
        scores = min(scores, apart, key=lambda chosen: _correlation(ranks, stats.rankdata(chosen)))
    return WorstCase(value, scores)


def worst_case_plcc(quality: ArrayLike, low: ArrayLike, high: ArrayLike) -> WorstCase:
    """Choose a score inside each interval so that Pearson's correlation with the labels is lowest.

    Let z be the centred labels of length 1, C = <z, s>, and sigma the length of s less its mean, so that the
    correlation is C / sigma. Its derivative by s_i has the sign of z_i sigma^2 - C (s_i - mean(s)).

    *If C < 0 can be reached*, the condition of Karush, Kuhn and Tucker says s_i = clip(a - b z_i, low_i,
    high_i) with b = -sigma^2 / C > 0. The set of s with correlation at most -c is convex (a second-order
    cone), so a local minimum is global. Writing s = (a' - z) / k, the best a' and k minimise

        f(k, a') = sum_i distance(a' - z_i, [k low_i, k high_i])^2,    k >= 0,

    which is convex, smooth and piecewise quadratic; its minimum is 1 - correlation^2. Newton's method with a
    line search finds it: the result is exact to rounding.

    *If C > 0 everywhere*, sigma / C is a convex function over a positive linear one. It is largest at a
    corner: each score is an end of its interval. Corners of the form "high where the middle of the interval
    exceeds a + b z_i" are improved by flipping one end at a time (in small problems two) until no flip helps.

    Arguments, results and errors are those of `worst_case_srocc`.
    """
    labels, lows, highs = _checked(quality, low, high)
    if _undefined(labels, lows, highs):
        return WorstCase(math.nan, (lows + highs) / 2)
    scores = _worst_pearson(labels, lows, highs)
    return WorstCase(_correlation(labels, scores), scores)


def spread_scores(levels: np.ndarray, low: Array, high: Array) -> Array:
    """Return scores inside the intervals that order the images as `levels` does, as far apart as they can be.

    The distance between neighbouring levels is the largest that all of them can keep at once, found by
    bisection; the scores are half way between the lowest and the highest with that distance.
    """
    count = int(levels.max()) + 1
    bottom, top = np.full(count, -np.inf), np.full(count, np.inf)
    np.maximum.at(bottom, levels, low)
    np.minimum.at(top, levels, high)
    steps = np.arange(count)

    def lowest(gap: float) -> Array:
        return np.asarray(np.maximum.accumulate(bottom - gap * steps) + gap * steps)

    def highest(gap: float) -> Array:
        return np.asarray(np.minimum.accumulate((top - gap * steps)[::-1])[::-1] + gap * steps)

    possible, impossible = 0.0, float(high.max() - low.min()) / max(count - 1, 1) * 2
    for _ in range(60):
        gap = (possible + impossible) / 2
        if (lowest(gap) <= top).all():
            possible = gap
        else:
            impossible = gap
    middle = (lowest(possible) + highest(possible)) / 2
    return np.asarray(np.clip(middle, bottom, top)[levels])


def _touching(low: Array, high: Array) -> Array:
    """Return `high`, lowered to the `low` of another image where it passes that by a rounding error only."""
    lows = np.sort(low)
    rounding = 8 * float(np.finfo(np.float64).eps) * max(float(np.abs(low).max()), float(np.abs(high).max()))
    passed = lows[np.minimum(np.searchsorted(lows, high - rounding, "right"), len(lows) - 1)]
    return np.where(passed < high, np.maximum(passed, low), high)


def _checked(quality: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array, Array]:
    labels, lows, highs = (np.asarray(values, dtype=np.float64) for values in (quality, low, high))
    if not labels.shape == lows.shape == highs.shape or labels.ndim != 1:
        raise ValueError(
            f"expected three arrays of one shape (N,), got {labels.shape}, {lows.shape} and {highs.shape}"
        )
    if not all(np.isfinite(values).all() for values in (labels, lows, highs)):
        raise ValueError("labels and ends of intervals must be finite numbers")
    if (lows > highs).any():
        image = int(np.argmax(lows > highs))
        raise ValueError(f"the interval of image {image} is empty: low {lows[image]} > high {highs[image]}")
    return labels, lows, highs


def _undefined(labels: Array, low: Array, high: Array) -> bool:
    return len(labels) < 2 or is_constant(labels, labels) or is_constant(low, high)


def _correlation(x: Array, y: Array) -> float:
    x, y = x - x.mean(), y - y.mean()
    x, y = x / max(np.abs(x).max(), 1e-300), y / max(np.abs(y).max(), 1e-300)
    size = math.sqrt(float((x * x).sum() * (y * y).sum()))
    return float(np.clip((x * y).sum() / size, -1, 1)) if size > 0 else math.nan


def _worst_pearson(labels: Array, low: Array, high: Array) -> Array:
    z = labels - labels.mean()
    z = z / math.sqrt(float((z * z).sum()))
    offset, scale = float(low.min()), float(high.max() - low.min())
    bottom, top = (low - offset) / scale, (high - offset) / scale
    if (z * np.where(z > 0, bottom, top)).sum() < -1e-12:
        scores = _negative(z, bottom, top)
    else:
        scores = _positive(z, bottom, top)
    return np.asarray(np.clip(scores * scale + offset, low, high))


def _negative(z: Array, low: Array, high: Array) -> Array:
    """Minimise f(k, a) by Newton's method (see `worst_case_plcc`), and return the scores."""

    def residual(k: float, a: float) -> tuple[Array, Array]:
        wanted = a - z
        nearest = np.clip(wanted, k * low, k * high)
        end = np.where(wanted > nearest, high, low)
        return wanted - nearest, end

    start = np.where(z > 0, low, high)
    centred = start - start.mean()
    k = -float((z * centred).sum()) / float((centred * centred).sum())  # the best line through that corner
    a = k * float(start.mean())
    rest, end = residual(k, a)
    value = float((rest * rest).sum())
    for _ in range(_NEWTON_STEPS):
        active = rest != 0
        gradient = np.array([-(rest * end).sum(), rest.sum()])
        if value < 1e-26 or np.abs(gradient).max() < 1e-15:
            break
        slopes = np.stack([-end[active], np.ones(int(active.sum()))])
        curvature = slopes @ slopes.T
        step = -np.linalg.lstsq(curvature + 1e-12 * np.trace(curvature) * np.eye(2), gradient, rcond=None)[0]
        size = 1.0 if step[0] >= 0 else min(1.0, 0.999 * k / -step[0])
        for _ in range(40):
            tried_k, tried_a = k + size * step[0], a + size * step[1]
            tried_rest, tried_end = residual(tried_k, tried_a)
            tried = float((tried_rest * tried_rest).sum())
            if tried < value:
                break
            size /= 2
        else:
            break
        k, a, rest, end, value = tried_k, tried_a, tried_rest, tried_end, tried
    return np.asarray(np.clip((a - z) / k, low, high))


def _positive(z: Array, low: Array, high: Array) -> Array:
    """Search the corners of the box when no choice has a negative correlation."""
    middle = (low + high) / 2
    corners = [np.where(z > 0, low, high), np.where(z <= 0, low, high), low, high]
    fitted = float((z * middle).sum())
    for slope in fitted * np.array([0.0, 0.5, 1.0, 1.5, 2.0, 4.0]):
        above = middle - slope * z
        for part in (0.1, 0.25, 0.5, 0.75, 0.9):
            corners.append(np.where(above > np.quantile(above, part), high, low))
    corners += [_settled(z, low, high, corner) for corner in corners]
    corners.sort(key=lambda scores: _ratio(z, scores))
    tried = corners if len(z) <= _SMALL else corners[:1]
    return min((_flipped(z, low, high, corner) for corner in tried), key=lambda scores: _ratio(z, scores))


def _settled(z: Array, low: Array, high: Array, scores: Array) -> Array:
    """Repeat: put every score at the end that is better while the others stay; keep the best."""
    best = scores
    for _ in range(_ROUNDS):
        centred = scores - scores.mean()
        dot = float((z * centred).sum())
        if dot <= 0:
            break
        slope = float((centred * centred).sum()) / dot
        scores = np.where((low + high) / 2 > scores.mean() + slope * z, high, low)
        if _ratio(z, scores) >= _ratio(z, best):
            break
        best = scores
    return best


def _ratio(z: Array, scores: Array) -> float:
    centred = scores - scores.mean()
    size = math.sqrt(float((centred * centred).sum()))
    return float((z * scores).sum()) / size if size > 0 else math.inf


def _flipped(z: Array, low: Array, high: Array, scores: Array) -> Array:
    """Flip ends, the best first, until neither one flip nor (in small problems) two improve the corner."""
    n = len(z)
    wide = np.flatnonzero(high > low)
    scores = scores.copy()
    for _ in range(_ROUNDS):
        change = (low + high - 2 * scores)[wide]
        total, square, dot = scores.sum(), (scores * scores).sum(), (z * scores).sum()
        one = np.stack([change, (2 * scores[wide] + change) * change, z[wide] * change])
        values = _ratios(n, total + one[0], square + one[1], dot + one[2])
        current = _ratio(z, scores)
        best, flips = current - 1e-13, wide[:0]
        if len(wide) and values.min() < best:
            best, flips = values.min(), wide[[int(values.argmin())]]
        elif 1 < len(wide) <= _SMALL:
            two = one[:, :, None] + one[:, None, :]
            values = _ratios(n, total + two[0], square + two[1], dot + two[2])
            np.fill_diagonal(values, np.inf)
            if values.min() < best:
                flips = wide[list(np.unravel_index(int(values.argmin()), values.shape))]
        if not len(flips):
            break
        scores[flips] = (low + high)[flips] - scores[flips]
    return scores


def _ratios(n: int, total: Array, square: Array, dot: Array) -> Array:
    variance = square - total * total / n
    return np.where(variance > 1e-12, dot / np.sqrt(np.maximum(variance, 1e-12)), np.inf)
