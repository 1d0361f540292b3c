"""Tests whether two models differ on the same images: a paired bootstrap, and Holm's correction."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .bootstrap import Array, Counts
from .metrics import percentile_bounds

RESAMPLES = 5000  # bootstrap resamples behind a comparison; the smallest p-value is 2 / (`RESAMPLES` + 1)

Statistic = Callable[[Array, Counts], Array]
"""Takes scores (N,) and counts (N, B) of how often each resample draws each image; gives values (B,)."""


@dataclass(frozen=True)
class Difference:
    """The amount by which the second of two models is above the first."""

    first: float  # value of the first model
    second: float  # value of the second
    low: float  # lower end of the percentile interval of second minus first
    high: float  # upper end
    p: float  # two-sided p-value of the hypothesis that they do not differ; NaN where a value is undefined

    @property
    def value(self) -> float:
        """Second minus first."""
        return self.second - self.first


def paired_difference(
    statistic: Statistic,
    first: Sequence[Array],
    second: Sequence[Array],
    counts: Counts,
    *,
    confidence: float = 0.95,
) -> Difference:
    """Compare a statistic of two models on the same images, each resample drawing the same images for both.

    A model's value is the mean over its seeds, of each of which the scores (N,) are given. With d* the
    differences of B resamples, counts (N, B) from `bootstrap_counts`, the p-value is twice (1 + the smaller
    of the numbers of d* <= 0 and d* >= 0) / (B + 1): it is below 5% where the interval of 95% leaves out zero
    (Efron & Tibshirani 1993, ch. 15). The uncertainty is that of the sample of images; seeds that were not
    run do not enter it.
    """
    everyone = np.ones((len(first[0]), 1), np.float32)
    one, other = (float(_mean(statistic, scores, everyone)[0]) for scores in (first, second))
    if not (math.isfinite(one) and math.isfinite(other)):
        return Difference(one, other, math.nan, math.nan, math.nan)
    drawn = _mean(statistic, second, counts) - _mean(statistic, first, counts)
    drawn = drawn[np.isfinite(drawn)]
    low, high = percentile_bounds(drawn, confidence)
    extreme = 1 + min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return Difference(one, other, low, high, min(1.0, 2 * extreme / (len(drawn) + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): NaN stays NaN and does not count.

    In ascending order the k-th of m is multiplied by m - k + 1; none becomes smaller than the one before it,
    or larger than 1. Rejecting those below 5% keeps the chance of any false rejection below 5%.
    """
    given = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(len(given), math.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1)
    return [float(value) for value in corrected]


def _mean(statistic: Statistic, scores: Sequence[Array], counts: Counts) -> Array:
    return np.asarray(np.mean([statistic(of_seed, counts) for of_seed in scores], axis=0))
