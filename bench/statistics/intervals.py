"""Metrics of an attack's attainable intervals; the entry point is `evaluate_intervals`.

For each image an attack upwards and one downwards give the interval [low, high] of scores that was reached
inside the ball. The clean image lies in the ball, so an interval that misses the clean score, which rounding
can cause, is widened to it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Intervals:
    quality: Array
    score: Array
    low: Array
    high: Array


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
    if broken or not n:
        reason = f"labels, scores or ends that are not finite in {broken} of {n} images" if n else "no images"
        undefined = Measure(math.nan, math.nan, math.nan)
        return IntervalMeasures(
            dict.fromkeys(INTERVAL_METRICS, undefined), dict.fromkeys(INTERVAL_METRICS, reason)
        )
    labels, clean = arrays[:2]
    case = _Intervals(labels, clean, *attainable(*arrays[1:4]))
    if len(needed) == len(arrays):
        realised = arrays[4] if worst is not None else worst_case_srocc(labels, case.low, case.high).scores
        measures, reasons = _agreement(case, realised, resamples, confidence, seed)
        measures["worst_drop"] = _drop(case, realised, resamples, confidence, seed)
        if math.isnan(measures["worst_drop"].value):
            reasons["worst_drop"] = reasons.get("worst_srocc", "clean scores without a correlation")
        measures["paper_reflection_srocc"] = _paper_reflection(case, resamples, confidence, seed)
        if math.isnan(measures["paper_reflection_srocc"].value):
            reasons["paper_reflection_srocc"] = reasons.get("reflection_srocc", "constant scores")
    else:
        measures = dict.fromkeys(_OF_LABELS, Measure(math.nan, math.nan, math.nan))
        reasons = dict.fromkeys(_OF_LABELS, NO_LABELS)
    everyone = np.ones((n, 1), dtype=np.float32)
    values = {name: float(drawn[0]) for name, drawn in _sizes(case, everyone).items()}
    drawn = _sizes(case, cached_counts(n, resamples, seed)) if resamples else {}
    for name, value in values.items():
        if math.isfinite(value):
            bounds = percentile_bounds(drawn[name], confidence) if drawn else (math.nan, math.nan)
            measures[name] = Measure(value, *bounds)
        else:
            measures[name] = Measure(math.nan, math.nan, math.nan)
            still = int((change(case.score, case.low, case.high) == 0).sum())
            reasons[name] = f"the score did not move in {still} of {n} images"
    return IntervalMeasures({name: measures[name] for name in INTERVAL_METRICS}, reasons)


def _agreement(
    case: _Intervals, worst: Array, resamples: int, confidence: float, seed: int
) -> tuple[dict[str, Measure], dict[str, str]]:
    """Measure how the chosen scores agree with the labels."""
    chosen = (
        ("worst", ("srocc",), worst),
        ("worst", ("plcc",), worst_case_plcc(case.quality, case.low, case.high).scores),
        ("reflection", ("srocc", "plcc", "mse"), reflected(case.quality, case.low, case.high)),
    )
    measures, reasons = {}, {}
    for kind, metrics, scores in chosen:
        found = evaluate(case.quality, scores, resamples=resamples, confidence=confidence, seed=seed)
        for metric in metrics:
            measures[f"{kind}_{metric}"] = found.measures[metric]
            if math.isnan(found.measures[metric].value):
                reasons[f"{kind}_{metric}"] = found.status
    return measures, reasons


def _drop(case: _Intervals, worst: Array, resamples: int, confidence: float, seed: int) -> Measure:
    """Measure how far SROCC falls from clean scores to the worst case, both on the same resamples."""
    value = srocc(case.quality, case.score) - srocc(case.quality, worst)
    if math.isnan(value) or not resamples:
        return Measure(value, math.nan, math.nan)
    counts = cached_counts(len(worst), resamples, seed)
    clean, attacked = (weighted_srocc(case.quality, scores, counts) for scores in (case.score, worst))
    return Measure(value, *percentile_bounds(clean - attacked, confidence))


def _paper_reflection(case: _Intervals, resamples: int, confidence: float, seed: int) -> Measure:
    """Measure SROCC under score reflection that splits where the paper does."""
    scores = reflected(case.quality, case.low, case.high, PAPER_SPLIT)
    value = srocc(case.quality, scores)
    if math.isnan(value) or not resamples:
        return Measure(value, math.nan, math.nan)
    drawn = weighted_srocc(case.quality, scores, cached_counts(len(scores), resamples, seed))
    return Measure(value, *percentile_bounds(drawn, confidence))


def _sizes(case: _Intervals, counts: Counts) -> dict[str, Array]:
    """Measure how far scores move, in each resample."""
    changed = change(case.score, case.low, case.high)
    zhang = robustness(case.score, changed)
    unmoved = np.full(counts.shape[1], math.nan)
    return {
        "r_zhang": mean(zhang, counts) if np.isfinite(zhang).all() else unmoved,
        "r_msu": mean(robustness(case.score, changed, MSU_OFFSET), counts),
        "gain_up": mean(case.high - case.score, counts),
        "gain_down": mean(case.score - case.low, counts),
        "wasserstein": wasserstein(case.score, case.high, counts),
        "energy": energy(case.score, case.high, counts),
        "median_width": median(case.high - case.low, counts),
    }
