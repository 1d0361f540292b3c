"""Metrics of an attack's attainable intervals; the entry point is `evaluate_intervals`.

For each image an attack upwards and one downwards give the interval [low, high] of scores that was reached
inside the ball. The clean image lies in the ball, so an interval that misses the clean score, which rounding
can cause, is widened to it.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from .bootstrap import Array, Counts, weighted_srocc
from .metrics import NO_LABELS, RESAMPLES, Measure, cached_counts, evaluate, percentile_bounds, srocc
from .robustness_scores import MSU_OFFSET, change, energy, mean, median, robustness, wasserstein
from .worst_case import worst_case_plcc, worst_case_srocc

INTERVAL_METRICS = (
    "worst_srocc", "worst_plcc", "worst_drop", "reflection_srocc", "reflection_plcc", "reflection_mse",
    "paper_reflection_srocc", "r_zhang", "r_msu", "gain_up", "gain_down", "wasserstein", "energy",
    "median_width",
)  # fmt: skip
"""Names of what `evaluate_intervals` returns, in the order in which they are shown."""

_OF_LABELS = INTERVAL_METRICS[:7]

PAPER_SPLIT = 0.5  # label at which the paper's score reflection turns


class IntervalMeasures(dict[str, Measure]):
    """A `Measure` for each name in `INTERVAL_METRICS`, and why those that are NaN are undefined."""

    def __init__(self, measures: Mapping[str, Measure], reasons: Mapping[str, str]) -> None:
        super().__init__(measures)
        self.reasons = dict(reasons)


_Statistic = Callable[[Counts], Array]
"""Takes counts (N, B) of how often each resample draws each image; gives values (B,)."""


def attainable(score: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
    """Return the ends (N,), (N,) of the intervals, widened to hold the clean score.

    All of `score`, `low` and `high` were reached inside the ball, so the interval runs from the least of the
    three to the largest.
    """
    three = np.stack([np.asarray(values, dtype=np.float64) for values in (score, low, high)])
    return three.min(axis=0), three.max(axis=0)


def reflected(quality: ArrayLike, low: ArrayLike, high: ArrayLike, split: float | None = None) -> Array:
    """Return the far end of each interval by label (N,): `low` above the split, `high` otherwise.

    This is the score reflection of CPRL's Eq. 5 taken to its end. The paper splits at 0.5 of its labels'
    scale (`PAPER_SPLIT`); by default the split is the median of the scored labels, which does not depend on
    the scale.
    """
    labels = np.asarray(quality, dtype=np.float64)
    return np.where(labels > (np.median(labels) if split is None else split), low, high)


def evaluate_intervals(
    quality: ArrayLike,
    score: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    worst: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> IntervalMeasures:
    """Compare attainable intervals with labels and clean scores.

    Every interval is a percentile bootstrap over images that keeps, for each image, the score that was chosen
    on the full sample. So the interval of a worst case says how the correlation of this set of adversarial
    images varies with the sample of images, as it would for images that were realised once. Choosing anew
    for each resample gives lower values, by about a third of the bootstrap's standard deviation (SROCC, 300
    images: 0.002 to 0.009 lower, where the standard deviation is 0.007 to 0.04; PLCC: 0.001 lower).

    Args:
        quality: (N,) labels in [0, 1]; all NaN where there are none, which leaves what compares with labels
            undefined.
        score: (N,) clean scores in [0, 1].
        low: (N,) lowest scores reached.
        high: (N,) highest scores reached.
        worst: (N,) scores of images that were found for the worst-case SROCC; None: the scores chosen inside
            the intervals, as if each could be reached.
        resamples: Number of bootstrap resamples; 0 leaves the intervals undefined.
        confidence: Probability that an interval is to cover.
        seed: Of the resamples; the same seed draws the same images as `metrics.evaluate`.

    Raises:
        ValueError: the shapes differ or are not (N,).
    """
    given = (quality, score, low, high, *(() if worst is None else (worst,)))
    arrays = [np.asarray(values, dtype=np.float64) for values in given]
    if len({values.shape for values in arrays}) != 1 or arrays[0].ndim != 1:
        shapes = ", ".join(str(values.shape) for values in arrays)
        raise ValueError(f"expected arrays of one shape (N,), got {shapes}")
    needed = arrays[1:] if np.isnan(arrays[0]).all() else arrays
    broken = int((~np.isfinite(needed).all(axis=0)).sum())
    n = len(arrays[0])
    measures = dict.fromkeys(INTERVAL_METRICS, Measure(math.nan, math.nan, math.nan))
    if broken or not n:
        reason = f"labels, scores or ends that are not finite in {broken} of {n} images" if n else "no images"
        return IntervalMeasures(measures, dict.fromkeys(INTERVAL_METRICS, reason))
    labels, clean = arrays[:2]
    bottom, top = attainable(*arrays[1:4])
    reasons = dict.fromkeys(_OF_LABELS, NO_LABELS) if len(needed) < len(arrays) else {}

    def measure(name: str, value: float, statistic: _Statistic, otherwise: str) -> None:
        """Keep a value with its interval, that of the statistic of the resamples, or why there is none."""
        if not math.isfinite(value):
            reasons[name] = otherwise
        elif resamples:
            drawn = statistic(cached_counts(n, resamples, seed))
            measures[name] = Measure(value, *percentile_bounds(drawn, confidence))
        else:
            measures[name] = Measure(value, math.nan, math.nan)

    if not reasons:
        realised = arrays[4] if worst is not None else worst_case_srocc(labels, bottom, top).scores
        chosen = (
            ("worst", ("srocc",), realised),
            ("worst", ("plcc",), worst_case_plcc(labels, bottom, top).scores),
            ("reflection", ("srocc", "plcc", "mse"), reflected(labels, bottom, top)),
        )
        for kind, metrics, scores in chosen:
            found = evaluate(labels, scores, resamples=resamples, confidence=confidence, seed=seed)
            for metric in metrics:
                measures[f"{kind}_{metric}"] = found.measures[metric]
                if math.isnan(found.measures[metric].value):
                    reasons[f"{kind}_{metric}"] = found.status
        measure(
            "worst_drop",
            srocc(labels, clean) - srocc(labels, realised),
            lambda counts: weighted_srocc(labels, clean, counts) - weighted_srocc(labels, realised, counts),
            reasons.get("worst_srocc", "clean scores without a correlation"),
        )
        reflection = reflected(labels, bottom, top, PAPER_SPLIT)
        measure(
            "paper_reflection_srocc",
            srocc(labels, reflection),
            partial(weighted_srocc, labels, reflection),
            reasons.get("reflection_srocc", "constant scores"),
        )
    everyone, still = np.ones((n, 1), dtype=np.float32), int((change(clean, bottom, top) == 0).sum())
    for name, statistic in _movements(clean, bottom, top).items():
        value = float(statistic(everyone)[0])
        measure(name, value, statistic, f"the score did not move in {still} of {n} images")
    return IntervalMeasures(measures, reasons)


def _movements(score: Array, low: Array, high: Array) -> dict[str, _Statistic]:
    """Return what is measured of how far scores move, labels or none."""
    changed = change(score, low, high)
    return {
        "r_zhang": partial(mean, robustness(score, changed)),
        "r_msu": partial(mean, robustness(score, changed, MSU_OFFSET)),
        "gain_up": partial(mean, high - score),
        "gain_down": partial(mean, score - low),
        "wasserstein": partial(wasserstein, score, high),
        "energy": partial(energy, score, high),
        "median_width": partial(median, high - low),
    }
