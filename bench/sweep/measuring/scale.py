"""Tells the user if a model's scores are not on the scale of the labels, or run in the other direction."""

import numpy as np

from ...core.text import heading
from ...statistics.metrics import srocc

REVERSED = -0.5  # largest SROCC of clean scores at which their direction is taken to be reversed
FEWEST = 10  # smallest number of images for such a statement
DISTINCT = 0.8  # share of the clean scores that are to differ


def scale_notes(
    model: str, quality: np.ndarray, clean: np.ndarray, *, lower_is_better: bool = False
) -> dict[str, str]:
    """Say what looks wrong with the scale of a model's scores, and how to state the right one.

    Scores under attack are not looked at, since an attack may move them anywhere. `quality` (N,) is the
    labels in [0, 1]; where all are NaN, the clean scores (N,) may be on any scale. `model` is the name of the
    model's table. Returns a sentence by what it is about: `range`, `direction`, `ties`.
    """
    notes: dict[str, str] = {}
    if np.isnan(quality).all():
        return notes
    scores = np.asarray(clean, float)
    scores = scores[np.isfinite(scores)]
    low, high = (scores.min(), scores.max()) if len(scores) else (0.0, 1.0)
    if low < 0 or high > 1:
        notes["range"] = (
            f"scores from {low:.3g} to {high:.3g} are not all in [0, 1], where the labels are: MSE and RMSE "
            "mean nothing, and attacks take 0.5 for the middle; state the scale by "
            f"`score_range = [low, high]` in {heading('models', model)} or in its class"
        )
    if len(quality) >= FEWEST and (found := srocc(quality, clean)) <= REVERSED:
        stated = "take `lower_is_better` out of" if lower_is_better else "say `lower_is_better = true` in"
        means = "high" if lower_is_better else "low"
        notes["direction"] = (
            f"the SROCC of clean images is {found:.2f}, so the direction of the scores looks reversed; if a "
            f"{means} score means high quality, {stated} {heading('models', model)} or its class; if it is "
            "the labels' direction, state that in the dataset's table"
        )
    distinct = len(np.unique(scores))
    if len(scores) >= FEWEST and 1 < distinct < DISTINCT * len(scores):  # of one there is no order at all
        notes["ties"] = (
            f"only {distinct} of {len(scores)} clean scores are distinct, so that the order of the others is "
            "not known; look for rounding, or for scores that are too near to the end of their scale"
        )
    return notes
