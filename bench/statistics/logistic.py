"""A logistic between scores and labels, as VQEG and most papers put it before PLCC and RMSE.

With four parameters (VQEG 2003), and with five (Sheikh, Sabir & Bovik 2006):

    q(s) = b2 + (b1 - b2) / (1 + exp(-(s - b3) / |b4|))
    q(s) = b1 (1/2 - 1 / (1 + exp(b2 (s - b3)))) + b4 s + b5
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.special import expit

from .bootstrap import Array

Form = Literal["four", "five"]
FORMS: tuple[Form, ...] = ("four", "five")  # names of the forms, by their number of parameters

_EVALUATIONS = 20_000  # evaluations of a curve after which a fit is given up
_GRID = 2_001  # points at which a curve is seen to rise


@dataclass(frozen=True)
class Logistic:
    """A fitted curve."""

    form: Form  # which of the two
    parameters: tuple[float, ...]  # b1, b2... of the formula

    def __call__(self, scores: ArrayLike) -> Array:
        """Return the fitted quality (N,) of scores (N,)."""
        curve = _four if self.form == "four" else _five
        return curve(np.asarray(scores, dtype=np.float64), *self.parameters)

    def rises(self, low: float, high: float) -> bool:
        """Return whether a higher score has a higher fitted quality, or the same, from `low` to `high`."""
        values = self(np.linspace(low, high, _GRID))
        rounding = 1e-12 * np.abs(values).max()
        return bool((np.diff(values) >= -rounding).all() and values[-1] > values[0])


def fit_logistic(scores: ArrayLike, quality: ArrayLike, form: Form) -> Logistic:
    """Fit a curve from scores (N,) to labels (N,) by least squares (Levenberg and Marquardt).

    The search is over standardised scores, so that their unit does not matter. That for four parameters
    starts from the usual values: the largest label, the smallest, the mean score and a quarter of the scores'
    standard deviation. That for five starts from the fitted curve of four, which is one of theirs, so that it
    never fits worse. Scores are finite and not constant.

    Raises:
        ValueError: there are fewer images than parameters, or the search does not converge; says which.
    """
    found, labels = np.asarray(scores, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    count = FORMS.index(form) + 4
    if len(found) < count:
        raise ValueError(f"{len(found)} images are too few for {count} parameters")
    middle, spread = float(found.mean()), float(found.std())
    standard = (found - middle) / spread
    b1, b2, b3, b4 = _search(_four, standard, labels, (labels.max(), labels.min(), 0.0, 1 / 4))
    if form == "four":
        return Logistic(form, (b1, b2, middle + spread * b3, spread * b4))
    start = (b1 - b2, 1 / abs(b4), b3, 0.0, (b1 + b2) / 2)
    b1, b2, b3, b4, b5 = _search(_five, standard, labels, start)
    parameters = (b1, b2 / spread, middle + spread * b3, b4 / spread, b5 - b4 * middle / spread)
    return Logistic(form, parameters)


def _search(
    curve: Callable[..., Array], scores: Array, labels: Array, start: tuple[float, ...]
) -> tuple[float, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # of the covariance, which nobody asks for
            found, _ = curve_fit(curve, scores, labels, start, maxfev=_EVALUATIONS)
    except RuntimeError:
        raise ValueError("the fit does not converge") from None
    if not np.isfinite(found).all():
        raise ValueError("the fit does not converge")
    return tuple(float(value) for value in found)


def _four(scores: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    width = max(abs(b4), np.finfo(np.float64).tiny)
    return np.asarray(b2 + (b1 - b2) * expit((scores - b3) / width))


def _five(scores: Array, b1: float, b2: float, b3: float, b4: float, b5: float) -> Array:
    return np.asarray(b1 * (expit(b2 * (scores - b3)) - 0.5) + b4 * scores + b5)
