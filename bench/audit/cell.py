"""The part of an audit that an `auto` cell pays for anyway: its columns and diagnostics say it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

SQUARE, SEEN_THROUGH = "square", "(seen through)"  # a member of `auto`, and the view of another
AT_AN_END = 1e-3  # of the scale from 0 to 1: a score this near may have no gradient in float32

BLIND = 0.1
NONFINITE = 0.0
BLACK_BOX = 0.25
HIDDEN = 0.25
DISTINCT = 0.8
UNMOVED = 0.1
BLIND_GRADIENT, NOT_FINITE = "blind gradient", "gradient not finite"  # what flags are called
FEW_DISTINCT = "few distinct scores"  # the one sign that counts below its threshold
# Of a score or, if longer than 1, of the clean range: far above rounding in bf16, in which a search may be.
WATCHED = 0.01

Flag = dict[str, Any]
Sign = tuple[str, float, float, str]  # its name, what was found, the threshold above which it counts, and why


def audit_cell(
    columns: Mapping[str, ArrayLike], diagnostics: Mapping[str, Any], *, stochastic: bool = False
) -> list[Flag]:
    """Return the signs, in what an interval attack found within one epsilon, that it cannot be believed.

    The columns are those of a cell with intervals: `score`, `low` and `high`, and `low_by` and `high_by`
    where the attack has members. The search may have told `gradients`, `zero_gradients`,
    `nonfinite_gradients`, `views` and `draws`; what is missing is not examined. A flag is ready for JSON:
    `indicator`, `value`, `threshold` and `sentence`.
    """
    score, low, high = (np.asarray(columns[name], dtype=float) for name in ("score", "low", "high"))
    by = np.concatenate([np.asarray(columns.get(name, []), dtype=object) for name in ("low_by", "high_by")])
    return _flags(
        _gradients(np.concatenate([_near(low, 0), _near(high, 1)]), diagnostics),
        _members(by, diagnostics.get("views", ())),
        _passes(1 if stochastic else diagnostics.get("draws", 1)),
        _watched(diagnostics.get("watched", 0.0), columns["score"]),
        _scores(score, low, high),
    )


def audit_attack(columns: Mapping[str, ArrayLike], diagnostics: Mapping[str, Any]) -> list[Flag]:
    """Return the flags of an attack without members, in the form of `audit_cell`.

    The columns are `score`, or `low` and `high`, and how visible the perturbations are. Images that the
    attack returned as they were count where they are more than its unusable gradients explain.
    """
    ends = ("low", "high") if "low" in columns else ("score",)
    attacked = np.concatenate([np.asarray(columns[end], dtype=float) for end in ends])
    at_an_end = _near(attacked, 0) | _near(attacked, 1)
    unusable = sum(diagnostics.get(f"{kind}_gradients", 0) for kind in ("zero", "nonfinite"))
    share = unusable / max(diagnostics.get("gradients", 0), 1)
    return _flags(
        _gradients(at_an_end, diagnostics),
        _watched(diagnostics.get("watched", 0.0), columns["score"]),
        _unchanged(columns, max(UNMOVED, share)),
        _finite(*(np.asarray(columns[name], dtype=float) for name in ("score", *ends))),
    )


def _near(scores: np.ndarray, end: float) -> np.ndarray:
    """Return which scores stand at an end of the scale; those far beyond it are on a scale of their own."""
    return np.abs(scores - end) <= AT_AN_END


def _flags(*signs: Iterable[Sign]) -> list[Flag]:
    return [
        {"indicator": name, "value": round(float(value), 6), "threshold": threshold, "sentence": sentence}
        for name, value, threshold, sentence in chain(*signs)
        if (value < threshold if name == FEW_DISTINCT else value > threshold)
    ]


def _gradients(at_an_end: np.ndarray, diagnostics: Mapping[str, Any]) -> Iterator[Sign]:
    count = diagnostics.get("gradients", 0)
    if not count:
        return
    zero, nonfinite = (diagnostics.get(f"{kind}_gradients", 0) / count for kind in ("zero", "nonfinite"))
    explained = max(BLIND, float(np.mean(at_an_end)))
    sentence = "are zero at every pixel, and scores at the end of the scale do not explain them."
    yield BLIND_GRADIENT, zero, explained, f"{zero:.0%} of the gradients {sentence}"
    yield NOT_FINITE, nonfinite, NONFINITE, f"{nonfinite:.2%} of the gradients are not finite."


def _unchanged(columns: Mapping[str, ArrayLike], threshold: float) -> Iterator[Sign]:
    ratios = [np.asarray(columns[name]) for name in ("psnr", "low_psnr", "high_psnr") if name in columns]
    if ratios:
        share = float(np.mean(np.all(np.isposinf(ratios), axis=0)))
        sentence = f"The attack returned {share:.0%} of the images as they were."
        yield "images unchanged", share, threshold, sentence


def _members(by: np.ndarray, views: Sequence[str]) -> Iterator[Sign]:
    if not len(by):
        return
    black_box = float(np.mean([member == SQUARE or member.startswith("transfer") for member in by]))
    sentence = f"{black_box:.0%} of the ends were found without the model's gradient."
    yield "black-box beats white-box", black_box, BLACK_BOX, sentence
    hidden = float(np.mean([member.endswith(SEEN_THROUGH) for member in by]))
    if not set(views) - {"own", "seen through", "logit"}:
        sentence = f"{hidden:.0%} of the ends were found only through operations that stop a gradient."
        yield "hidden gradient", hidden, HIDDEN, sentence


def _passes(draws: int) -> Iterator[Sign]:
    yield "passes differ", draws, 1, "Two passes over the same images differ, which the model does not say."


def _watched(change: float, scores: ArrayLike) -> Iterator[Sign]:
    span = float(np.ptp(scores)) if len(np.asarray(scores)) else 0.0
    sentence = f"Scores change by up to {change:.2g} while gradients are enabled."
    yield "another function when watched", change / max(1.0, span), WATCHED, sentence


def _finite(*scores: np.ndarray) -> Iterator[Sign]:
    missing = float(np.mean(~np.isfinite(scores).all(axis=0)))
    yield "score not finite", missing, 0.0, f"{missing:.2%} of the images have no finite score."


def _scores(score: np.ndarray, low: np.ndarray, high: np.ndarray) -> Iterator[Sign]:
    yield from _finite(score, low, high)
    span = float(np.ptp(score)) if len(score) else 0.0
    tolerance = 1e-6 * span
    distinct = (1 + int(np.count_nonzero(np.diff(np.sort(score)) > tolerance))) / max(len(score), 1)
    yield FEW_DISTINCT, distinct, DISTINCT, f"Only {distinct:.0%} of the clean scores are distinct."
    unmoved = float(np.mean(high - low <= tolerance))
    sentence = f"No attack moves the score of {unmoved:.0%} of the images at all."
    yield "ends do not widen", unmoved, UNMOVED, sentence
