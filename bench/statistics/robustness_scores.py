"""Robustness scores of the literature, from clean scores and what an attack made of them.

All are computed on a fixed score range, not on the range of the scores at hand, so that adding an image
changes the term of no other image. The functions take scores (N,) and, for many bootstrap resamples at once,
counts (N, B) of how often each resample draws each image.

Sources: Zhang et al., "Perceptual Attacks of No-Reference Image Quality Models with Human-in-the-Loop",
NeurIPS 2022; MSU, "Benchmark of robustness of image quality metrics to adversarial attacks" (Antsiferova
et al., AAAI 2024), `score_methods`.
"""

from collections.abc import Callable

import numpy as np

from .bootstrap import Array, Counts

SCORE_RANGE = (0.0, 1.0)  # the least and the largest score of a model, to which the harness maps every model

MSU_OFFSET = 1e-6
"""Added by MSU to the change of a score, so that a score that does not move counts as changed by this."""

_AT_ONCE = 50  # resamples; bounds memory


def change(score: Array, low: Array, high: Array) -> Array:
    """Return the larger of the two changes of each score, |s' - s| with s' the farther end."""
    return np.maximum(high - score, score - low)


def robustness(score: Array, changed: Array, offset: float = 0.0) -> Array:
    """Return log10(max(s_max - s, s - s_min) / (|s' - s| + offset)) of each image; its mean is R.

    Zhang et al. 2022 have no offset, MSU has 1e-6. `s_max` and `s_min` are the ends of `SCORE_RANGE`. An
    image whose score does not move gives infinity without an offset.
    """
    room = np.maximum(SCORE_RANGE[1] - score, score - SCORE_RANGE[0])
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(room / (changed + offset)))


def wasserstein(clean: Array, attacked: Array, counts: Counts) -> Array:
    """Return MSU's signed Wasserstein distance of attacked from clean scores, for each resample (B,).

    The integral of |F - G| over the scores, with F and G the two distribution functions, times the sign of
    mean(attacked) - mean(clean).
    """
    return _distance(clean, attacked, counts, lambda gap, step: np.einsum("ij,i->j", np.abs(gap), step))


def energy(clean: Array, attacked: Array, counts: Counts) -> Array:
    """Return MSU's signed energy distance of attacked from clean scores, for each resample (B,).

    The square root of twice the integral of (F - G)^2 (Szekely 2003, as in scipy), signed as `wasserstein`.
    """
    return _distance(
        clean, attacked, counts, lambda gap, step: np.sqrt(2 * np.einsum("ij,ij,i->j", gap, gap, step))
    )


def mean(values: Array, counts: Counts) -> Array:
    """Return the mean of each resample (B,)."""
    return np.asarray(np.einsum("i,ij->j", values, counts) / counts[:, 0].sum(dtype=np.float64))


def median(values: Array, counts: Counts) -> Array:
    """Return the median of each resample (B,)."""
    order = np.argsort(values, kind="stable")
    drawn = np.cumsum(counts[order], axis=0, dtype=np.float64)
    total = drawn[-1, 0]
    lower, upper = (np.argmax(drawn >= rank, axis=0) for rank in ((total + 1) // 2, total // 2 + 1))
    return np.asarray((values[order][lower] + values[order][upper]) / 2)


def _distance(
    clean: Array, attacked: Array, counts: Counts, integral: Callable[[Array, Array], Array]
) -> Array:
    span = SCORE_RANGE[1] - SCORE_RANGE[0]
    scores = np.concatenate([clean, attacked]) / span
    order = np.argsort(scores, kind="stable")
    step = np.diff(scores[order])
    image = order % len(clean)
    side = np.where(order < len(clean), 1.0, -1.0)[:, None]
    parts = []
    for start in range(0, counts.shape[1], _AT_ONCE):
        drawn = counts[:, start : start + _AT_ONCE]
        gap = np.cumsum(side * drawn[image], axis=0)[:-1] / drawn[:, 0].sum(dtype=np.float64)
        parts.append(integral(gap, step) * np.sign(mean(attacked - clean, drawn)))
    return np.concatenate(parts)
