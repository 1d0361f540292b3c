"""Notices on numbers that a sweep has just found: each is printed once, and kept with the cell."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...audit.cell import BLIND_GRADIENT, NOT_FINITE, audit_attack, audit_cell
from ...core.text import heading
from ...statistics.metrics import srocc
from ..plan import PlannedAttack, PlannedModel

REVERSED = -0.5  # largest SROCC of clean scores at which their direction is taken to be reversed
FEWEST = 10  # smallest number of images for such a statement
DISTINCT = 0.8  # share of the clean scores that are to differ

Columns = Mapping[str, np.ndarray]


class Notices:
    """Prints what is doubtful about a model's numbers; `say` shows a line to the user."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[tuple[str, ...]] = set()

    def on(
        self,
        title: str,
        model: PlannedModel,
        attack: PlannedAttack | None,
        quality: np.ndarray,
        columns: Columns,
        diagnostics: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Say what looks wrong in a cell, and return its diagnostics with the flags and notes to be kept.

        Labels and the values of each column are (N,). `attack` is None for clean images.
        """
        kept = dict(diagnostics)
        if attack is not None:
            kept |= self._flags(title, model, attack, columns, diagnostics)
            self._say_of_gradients(title, attack.name, diagnostics)
        lower_is_better = bool((model.adaptation or {}).get("lower_is_better"))
        clean = scale_notes(model.name, quality, columns["score"], lower_is_better=lower_is_better)
        notes = clean if attack is None else _astray(attack.name, diagnostics)
        for about, sentence in notes.items():
            self._once(f"{title}: {sentence}", title, about)
        return kept | ({"notes": list(notes.values())} if notes else {})

    def _flags(
        self,
        title: str,
        model: PlannedModel,
        attack: PlannedAttack,
        columns: Columns,
        diagnostics: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the flags: of an attack that has members all there may be, of others those of its search."""
        members = hasattr(attack.attack, "interval")
        flags = (
            audit_cell(columns, diagnostics, stochastic=model.stochastic)
            if members
            else audit_attack(columns, diagnostics)
        )
        for flag in flags:
            if not members and flag["indicator"] in (BLIND_GRADIENT, NOT_FINITE):
                continue  # which `_say_of_gradients` says with its counts
            line = f"{title}: {attack.name} is doubtful: {flag['sentence']} See `iqabench audit`"
            self._once(line, title, attack.name, flag["indicator"])
        return {"flags": flags} if flags or members else {}

    def _say_of_gradients(self, title: str, attack: str, diagnostics: Mapping[str, Any]) -> None:
        """Say that a gradient attack was blind for some images: it then returns them nearly as they were."""
        for kind, seen in (("zero", "zero"), ("nonfinite", "not finite")):
            if count := diagnostics.get(f"{kind}_gradients", 0):
                line = (
                    f"{title}: {attack} saw a gradient that is {seen} in {count} of "
                    f"{diagnostics['gradients']} cases: scores may look robust where the attack is only "
                    "blind; `auto` also searches without one"
                )
                self._once(line, title, attack, kind)

    def _once(self, line: str, *about: str) -> None:
        if about not in self._said:
            self._said.add(about)
            self._say(line)


def _astray(attack: str, diagnostics: Mapping[str, Any]) -> dict[str, str]:
    """Say that another library's attack moved most scores the wrong way, or not at all, if it did."""
    returned, risen = diagnostics.get("returned_images", 0), diagnostics.get("risen_images", 0)
    if 2 * risen > returned or not returned:
        return {}
    sentence = (
        f"{attack} moved the score in the wanted direction in {risen} of {returned} cases (each image "
        f"upwards and downwards), and returned {diagnostics['unmoved_images']} images as they were: its "
        "intervals say little of this model; `auto` searches further"
    )
    return {attack: sentence}


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
