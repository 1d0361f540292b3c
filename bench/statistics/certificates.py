"""Certified intervals of median smoothing: what no attack in an L2 ball can leave, from noisy scores.

Chiang, Curry, Abdelkader, Kumar, Dickerson and Goldstein, "Detection as Regression: Certified Object
Detection by Median Smoothing", NeurIPS 2020. For a function f and noise G of N(0, sigma^2 I), let q_p(x) be
the p-quantile of f(x + G). For every perturbation d with |d| <= r

    q_a(x) <= q_p(x + d) <= q_b(x),    a = Phi(Phi^-1(p) - r / sigma),    b = Phi(Phi^-1(p) + r / sigma),

Phi the distribution function of the normal distribution. The quantiles at x are not known, but order
statistics of sampled scores bound them, with a probability that the binomial distribution gives exactly.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from .bootstrap import Array


def certified_intervals(
    scores: ArrayLike,
    sigma: float,
    radius: float,
    *,
    confidence: float = 0.999,
    samples: int | None = None,
    draws: int = 1,
    lowest: float = 0.0,
    highest: float = 1.0,
) -> tuple[Array, Array]:
    """Return the ends (N,), (N,) of intervals that hold the smoothed score of every image in the L2 ball.

    Args:
        scores: (N, n) scores of each image under n independent draws of the noise.
        sigma: Standard deviation of the noise, in pixel units.
        radius: Of the ball, in pixel units of [0, 1], of the norm over all values of an image.
        confidence: Probability that an image's interval is right. The intervals of N images are right
            together with a confidence of 1 - N (1 - confidence) at least.
        samples: What is bounded. None: the median of the scores under the noise. A number, odd: the median of
            so many fresh draws, as a model behind `median_smoothing` gives it; the intervals are wider.
        draws: Number of such medians at either end of an attained interval that all are to lie inside.
        lowest: Least possible score, where the samples bound nothing.
        highest: Largest possible score.

    Raises:
        ValueError: `scores` is not (N, n), or an argument is out of its range.
    """
    noisy = np.asarray(scores, dtype=np.float64)
    if noisy.ndim != 2 or not noisy.size or not np.isfinite(noisy).all():
        raise ValueError(f"expected finite scores of shape (N, n), got {np.shape(scores)}")
    if not (sigma > 0 and radius >= 0 and 0 < confidence < 1):
        found = f"{sigma}, {radius} and {confidence}"
        raise ValueError(f"expected sigma > 0, radius >= 0 and 0 < confidence < 1, got {found}")
    risk, spread = 1 - confidence, 0.0
    if samples is not None:
        risk /= 2  # one half for the scores given here, one for those measured
        spread = _spread_of_median(samples, risk / (4 * draws))
    at_low, at_high = (
        float(stats.norm.cdf(stats.norm.ppf(p) + shift))
        for p, shift in ((0.5 - spread, -radius / sigma), (0.5 + spread, radius / sigma))
    )
    noisy, count = np.sort(noisy, axis=1), noisy.shape[1]
    below, above = lower_rank(count, at_low, risk / 2), upper_rank(count, at_high, risk / 2)
    low = noisy[:, below - 1] if below else np.full(len(noisy), lowest)
    high = noisy[:, above - 1] if above <= count else np.full(len(noisy), highest)
    return low, high


def lower_rank(count: int, p: float, risk: float) -> int:
    """Return the rank, from 1, of the largest of some sorted draws that is at most their p-quantile.

    The k-th of n exceeds it exactly when fewer than k draws do not: with probability Bin(k - 1; n, p) at
    most. It is the largest k for which that is at most the risk, or 0 where there is none.
    """
    ranks = np.arange(1, count + 1)
    return int((stats.binom.cdf(ranks - 1, count, p) <= risk).sum())


def upper_rank(count: int, p: float, risk: float) -> int:
    """Return the rank, from 1, of the least of some sorted draws that is at least their p-quantile.

    It is the least k for which the k-th is below it with at most the risk, or `count` + 1 where there is
    none.
    """
    return count + 1 - lower_rank(count, 1 - p, risk)


def _spread_of_median(samples: int, risk: float) -> float:
    """Return s for which the median of draws is below their (1/2 - s)-quantile with at most the risk.

    It is where (m + 1) / 2 of m draws are, which has the probability I_p((m + 1) / 2, (m + 1) / 2), I the
    regularised incomplete beta function. By symmetry the same holds above.
    """
    if samples < 1 or samples % 2 == 0:
        raise ValueError(f"expected an odd number of samples, got {samples}")
    half = (samples + 1) / 2
    return 0.5 - float(special.betaincinv(half, half, risk)) if risk < 0.5 else math.nan
