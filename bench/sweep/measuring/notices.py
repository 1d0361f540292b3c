"""Notices on numbers that a sweep has just found: each is printed once, and kept with the cell."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...audit.cell import BLIND_GRADIENT, NOT_FINITE, audit_attack, audit_cell
from .. import wording
from ..plan import PlannedAttack, PlannedModel
from .scale import scale_notes

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
        notes = clean if attack is None else {}
        if attack is not None and (sentence := wording.astray(attack.name, diagnostics)):
            notes[attack.name] = sentence
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
            line = wording.flagged(title, attack.name, flag["sentence"])
            self._once(line, title, attack.name, flag["indicator"])
        return {"flags": flags} if flags or members else {}

    def _say_of_gradients(self, title: str, attack: str, diagnostics: Mapping[str, Any]) -> None:
        """Say that a gradient attack was blind for some images: it then returns them nearly as they were."""
        for kind in ("zero", "nonfinite"):
            if count := diagnostics.get(f"{kind}_gradients", 0):
                line = wording.blind(title, attack, kind, count, diagnostics["gradients"])
                self._once(line, title, attack, kind)

    def _once(self, line: str, *about: str) -> None:
        if about not in self._said:
            self._said.add(about)
            self._say(line)
