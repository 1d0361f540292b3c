"""Agreement of predicted with labelled quality: SROCC, PLCC, MSE, KROCC and RMSE, with bootstrap intervals.

As in the paper, PLCC is the plain Pearson correlation, without a fitted logistic, and MSE is taken on
quality in [0, 1]. An interval is a percentile bootstrap over images (Efron & Tibshirani 1993, ch. 13).
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..core.text import plural
from .bootstrap import Array, Counts, bootstrap_counts, weighted_metrics

METRICS = ("srocc", "plcc", "mse", "krocc", "rmse")
"""Names of the metrics, in the order in which they are shown."""

DEFINITION = 3
"""Raised when `evaluate` gives another number for the same scores: what is kept of it counts no more."""

RESAMPLES = 1000  # bootstrap resamples behind an interval
OK = "ok"  # status of an evaluation whose metrics are all defined
NO_LABELS = "images without labels"  # status of an evaluation of images that nobody rated
_LARGEST = float(np.finfo(np.float32).max)  # that a model's score can be
_ROUNDING = 8 * float(np.finfo(np.float32).eps)  # relative: what rounding to float32 can spread a constant by
_ROUNDING_64 = 8 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric's value with the bounds of its interval; NaN where it is undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`."""

    measures: Mapping[str, Measure]  # one for each name in `METRICS`
    n: int  # number of images
    status: str  # `OK`, or why metrics are undefined, such as `NaN scores in 12 of 300 images`


def evaluate(
    quality: ArrayLike,
    scores: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Compare predicted scores with labels.

    Scores that are NaN, infinite or beyond float32's range leave every metric undefined; constant scores (see
    `is_constant`) leave the correlations undefined. Neither raises or warns: `status`
    says what was found. The same seed draws the same images for every model, so intervals of one dataset are
    paired.

    Args:
        quality: (N,) labels in [0, 1].
        scores: (N,) predictions in [0, 1].
        resamples: Number of bootstrap resamples; 0 leaves the intervals undefined.
        confidence: Probability that an interval is to cover.
        seed: Of the resamples.

    Raises:
        ValueError: the shapes differ or are not (N,).
    """
    values, status = point_values(quality, scores)
    labels, predictions = _arrays(quality, scores)
    defined = [name for name in METRICS if math.isfinite(values[name])]
    bounds = dict.fromkeys(METRICS, (math.nan, math.nan))
    if resamples and defined:
        resampled = weighted_metrics(labels, predictions, cached_counts(len(labels), resamples, seed))
        bounds |= {name: percentile_bounds(resampled[name], confidence) for name in defined}
    measures = {name: Measure(values[name], *bounds[name]) for name in METRICS}
    return Evaluation(measures, len(labels), status)


def point_values(quality: ArrayLike, scores: ArrayLike) -> tuple[dict[str, float], str]:
    """Return the values and the status that `evaluate` finds, without intervals."""
    labels, predictions = _arrays(quality, scores)
    status, values = _status(labels, predictions), dict.fromkeys(METRICS, math.nan)
    if len(labels) and np.isfinite(labels).all() and np.isfinite(predictions).all():
        values["mse"] = float(np.square(labels - predictions).mean())
        values["rmse"] = math.sqrt(values["mse"])
    if status == OK:
        values["srocc"] = float(stats.spearmanr(labels, predictions).statistic)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.NearConstantInputWarning)  # of differences that are real
            values["plcc"] = float(stats.pearsonr(labels, predictions).statistic)
        values["krocc"] = float(stats.kendalltau(labels, predictions).statistic)
    return values, status


def srocc(quality: ArrayLike, scores: ArrayLike) -> float:
    """Spearman's rank correlation of (N,) labels and (N,) scores; NaN where it is undefined."""
    return point_values(quality, scores)[0]["srocc"]


def is_constant(low: Array, high: Array) -> bool:
    """Return whether values from `low` to `high`, finite and (N,), are as near as rounding puts equal ones.

    Numbers of float32 are rounded relative to their size. Numbers in [0, 1] with finer digits may be those of
    float32 that float64 maps into [0, 1], as `(1 + s / (1 + |s|)) / 2` maps scores without bounds. There, a
    relative error of s moves q by as much of min(q, 1 - q) |2 q - 1|, which is little near 1/2 and 1.
    """
    values = np.concatenate([low, high])
    size = np.abs(values)
    with np.errstate(over="ignore"):
        finer = (values != values.astype(np.float32)).any()
    if finer and values.min() >= 0 and size.max() <= 1:
        size = np.minimum(values, 1 - values) * np.abs(2 * values - 1)
    rounding = max(_ROUNDING * size.max(), _ROUNDING_64 * np.abs(values).max())
    return bool(high.max() - low.min() <= rounding)


@lru_cache(maxsize=2)
def cached_counts(n: int, resamples: int, seed: int) -> Counts:
    """Return `bootstrap_counts`, kept for the next model on the same images."""
    return bootstrap_counts(n, resamples, seed)


def percentile_bounds(resampled: Array, confidence: float) -> tuple[float, float]:
    """Return the ends of the percentile bootstrap interval; NaN resamples are left out."""
    drawn = resampled[~np.isnan(resampled)]
    if not len(drawn):
        return math.nan, math.nan
    low, high = np.percentile(drawn, [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)


def _arrays(quality: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    labels, predictions = np.asarray(quality, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"expected two arrays of one shape (N,), got {labels.shape} and {predictions.shape}")
    return labels, np.where(np.abs(predictions) > _LARGEST, np.inf, predictions)


def _status(labels: Array, predictions: Array) -> str:
    n = len(labels)
    if n and np.isnan(labels).all():
        return NO_LABELS
    for values, name in ((predictions, "scores"), (labels, "labels")):
        broken = int(n - np.isfinite(values).sum())
        if broken:
            kind = "infinite" if not np.isnan(values).any() else "NaN"
            return f"{kind} {name} in {broken} of {n} images"
    if n < 2:
        return f"{plural(n, 'image')}, too few for a correlation"
    for values, name in ((predictions, "scores"), (labels, "labels")):
        if is_constant(values, values):
            return f"constant {name}"
    return OK
