"""The part of an audit that an `auto` cell pays for anyway: its columns and diagnostics say it."""

from collections.abc import Mapping, Sequence
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

_Sign = tuple[str, float, float, bool, str]


def audit_cell(
    columns: Mapping[str, ArrayLike], diagnostics: Mapping[str, Any], *, stochastic: bool = False
) -> list[dict[str, Any]]:
    """Return the signs, in what an interval attack found within one epsilon, that it cannot be believed.

    Args:
        columns: Those of a cell with intervals: `score`, `low` and `high`, and `low_by` and `high_by` where
            the attack has members.
        diagnostics: What the search told: `gradients`, `zero_gradients`, `nonfinite_gradients`, `views` and
            `draws`; what is missing is not examined.
        stochastic: Whether the model says that its passes differ.

    Returns:
        The flags, ready for JSON: `indicator`, `value`, `threshold` and `sentence` of each. Empty: no sign.
    """
    score, low, high = (np.asarray(columns[name], dtype=float) for name in ("score", "low", "high"))
    by = np.concatenate([np.asarray(columns.get(name, []), dtype=object) for name in ("low_by", "high_by")])
    return _flags(
        (
            *_gradients(np.concatenate([low <= AT_AN_END, high >= 1 - AT_AN_END]), diagnostics),
            *_members(by, diagnostics.get("views", ())),
            *_passes(diagnostics, stochastic),
            *_scores(score, low, high),
        )
    )


def audit_attack(columns: Mapping[str, ArrayLike], diagnostics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the flags of an attack without members, in the form of `audit_cell`.

    Args:
        columns: Those of a cell: `score`, or `low` and `high`, and how visible the perturbations are.
        diagnostics: What the attack told of its gradients. Where it told nothing, images that it returned as
            they were are counted.
    """
    ends = ("low", "high") if "low" in columns else ("score",)
    attacked = np.concatenate([np.asarray(columns[end], dtype=float) for end in ends])
    saw = _gradients((attacked <= AT_AN_END) | (attacked >= 1 - AT_AN_END), diagnostics)
    return _flags(saw or _unchanged(columns))


def _flags(signs: Sequence[_Sign]) -> list[dict[str, Any]]:
    return [
        {"indicator": name, "value": round(float(value), 6), "threshold": threshold, "sentence": sentence}
        for name, value, threshold, beyond, sentence in signs
        if beyond
    ]


def _gradients(at_an_end: np.ndarray, diagnostics: Mapping[str, Any]) -> Sequence[_Sign]:
    count = diagnostics.get("gradients", 0)
    if not count:
        return ()
    zero, nonfinite = (diagnostics.get(f"{kind}_gradients", 0) / count for kind in ("zero", "nonfinite"))
    saturated = float(np.mean(at_an_end))
    return (
        (
            "blind gradient",
            zero,
            max(BLIND, saturated),
            zero > max(BLIND, saturated),
            f"{zero:.0%} of the gradients are zero at every pixel, and scores at the end of the scale do not "
            "explain them.",
        ),
        (
            "gradient not finite",
            nonfinite,
            NONFINITE,
            nonfinite > NONFINITE,
            f"{nonfinite:.2%} of the gradients are not finite.",
        ),
    )


def _unchanged(columns: Mapping[str, ArrayLike]) -> Sequence[_Sign]:
    ratios = [np.asarray(columns[name]) for name in ("psnr", "low_psnr", "high_psnr") if name in columns]
    if not ratios:
        return ()
    share = float(np.mean(np.all(np.isposinf(ratios), axis=0)))
    sentence = f"The attack returned {share:.0%} of the images as they were."
    return (("images unchanged", share, UNMOVED, share > UNMOVED, sentence),)


def _members(by: np.ndarray, views: Sequence[str]) -> Sequence[_Sign]:
    if not len(by):
        return ()
    black_box = float(np.mean([member == SQUARE or member.startswith("transfer") for member in by]))
    hidden = float(np.mean([member.endswith(SEEN_THROUGH) for member in by]))
    offered = set(views) - {"own", "seen through", "logit"}
    return (
        (
            "black-box beats white-box",
            black_box,
            BLACK_BOX,
            black_box > BLACK_BOX,
            f"{black_box:.0%} of the ends were found without the model's gradient.",
        ),
        (
            "hidden gradient",
            hidden,
            HIDDEN,
            hidden > HIDDEN and not offered,
            f"{hidden:.0%} of the ends were found only through operations that stop a gradient.",
        ),
    )


def _passes(diagnostics: Mapping[str, Any], stochastic: bool) -> Sequence[_Sign]:
    draws = diagnostics.get("draws", 1)
    undeclared = draws > 1 and not stochastic
    return (
        (
            "passes differ",
            draws,
            1,
            undeclared,
            "Two passes over the same images differ, which the model does not say.",
        ),
    )


def _scores(score: np.ndarray, low: np.ndarray, high: np.ndarray) -> Sequence[_Sign]:
    span = float(np.ptp(score)) if len(score) else 0.0
    tolerance = 1e-6 * max(span, 1e-3)
    distinct = (1 + int(np.count_nonzero(np.diff(np.sort(score)) > tolerance))) / max(len(score), 1)
    unmoved = float(np.mean(high - low <= tolerance))
    missing = float(np.mean(~np.isfinite(score + low + high)))
    return (
        ("score not finite", missing, 0.0, missing > 0, f"{missing:.0%} of the images have no finite score."),
        (
            "few distinct scores",
            distinct,
            DISTINCT,
            distinct < DISTINCT,
            f"Only {distinct:.0%} of the clean scores are distinct.",
        ),
        (
            "ends do not widen",
            unmoved,
            UNMOVED,
            unmoved > UNMOVED,
            f"No attack moves the score of {unmoved:.0%} of the images at all.",
        ),
    )
