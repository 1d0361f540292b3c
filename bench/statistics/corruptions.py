"""Measures how a quality score follows a growing corruption: whether it falls step by step, and how far."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .bootstrap import Array


def monotonicity(scores: ArrayLike) -> Array:
    """Return, for each image (N,), minus Kendall's tau-b of its scores with the severity, in [-1, 1].

    It is 1 where the score falls with every step, -1 where it rises, and 0 where it does not change at all;
    NaN where a score is NaN. The scores (S, N) are at S severities, the first that of the image as it is.
    """
    values = np.asarray(scores, dtype=np.float64)
    severities = np.arange(len(values))
    taus = [-stats.kendalltau(severities, column).statistic for column in values.T]
    return np.where(np.isnan(values).any(axis=0), np.nan, np.nan_to_num(np.array(taus, dtype=np.float64)))


def sensitivity(scores: ArrayLike) -> float:
    """Return the mean fall of scores (S, N) from the image as it is to the strongest corruption.

    It is measured in standard deviations of the scores of the images as they are; NaN where these are equal.
    """
    values = np.asarray(scores, dtype=np.float64)
    spread = values[0].std()
    return float((values[0] - values[-1]).mean() / spread) if spread > 0 else float("nan")
