"""Minimax PNS training: Algorithm 1 of the CPRL paper, on the objective of Eq. 14."""

from typing import Annotated, Literal

import torch
from torch import Tensor

from ...bench.core.configuration.tables import TrainingSettings
from ...bench.core.parameters import LATER
from ..recipe import Labels, Recipe, Regime, Terms, descend, statistics_kept
from .intervention import RISKS, Kind
from .model import CPRL

Turns = Literal["SF NC", "None SF NC"]
Minimised = Literal["risk", "objective"]

KINDS: tuple[Kind, Kind] = ("sufficiency", "necessity")
TURNS: dict[Turns, tuple[Kind | None, ...]] = {"SF NC": KINDS, "None SF NC": (None, *KINDS)}
"""The values of int in steps t = 0, 1, ... and over again, under each reading of line 12."""


class MinimaxPNS(Recipe):
    """Follows each step of plain regression by one on the PNS risk (Eq. 12, 14), on its halves by turns.

    Where the intervention is SF, phi raises ||y_c - y||^2, then theta and w lower it. Where it is NC, xi
    lowers ||y_s - y||^2, then theta and w raise it. theta and w have one AdamW, phi and xi have one each. The
    prediction y stands for a label: it is computed anew after the plain step, and carries no gradient.

    Intervened passes normalise by their own batch, as training does, and leave the running statistics of
    batch normalisation alone, which evaluation uses and in which an intervention never happens.

    Args:
        model: theta, w, phi and xi. With `pns_weight` 0 every step is the plain one.
        settings: `[training]`.
        regime: What the plain step minimises.
        turns: The values that int takes by turns (line 12). It starts from None (line 1), so the text also
            allows `None SF NC`: every third step is a plain one alone.
        minimised: What theta and w lower in lines 6 and 10, where the paper says "loss". `risk`: the half of
            the PNS risk that has its turn. `objective`: all of Eq. 14, the regime's loss and both halves. In
            lines 5 and 9 the two are one, since phi and xi have no part in the rest.
    """

    model: CPRL

    def __init__(
        self,
        model: CPRL,
        settings: TrainingSettings,
        regime: Regime,
        turns: Annotated[Turns, LATER] = "SF NC",
        minimised: Annotated[Minimised, LATER] = "risk",
    ) -> None:
        super().__init__(model, settings, regime)
        self.turns = TURNS[turns]
        self.minimised: Minimised = minimised
        interveners = {kind: model.intervention_weights(kind) for kind in KINDS if model.pns_weight}
        theirs = {weight for weights in interveners.values() for weight in weights}
        self.optimizers["weights"] = self.adamw(w for w in model.parameters() if w not in theirs)
        self.optimizers |= {kind: self.adamw(weights) for kind, weights in interveners.items()}

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """Take lines 3 to 11 of Algorithm 1; see `Recipe.step`."""
        terms = self.regression_step(images, labels)
        kind = self.turns[number % len(self.turns)]
        if self.model.pns_weight and kind:
            terms[kind] = self.pns_step(kind, images, labels)
        return terms

    def pns_step(self, kind: Kind, images: Tensor, labels: Labels) -> Tensor:
        """Let phi or xi raise their half of the risk, then theta and w lower it, or all of Eq. 14.

        Returns:
            The half of the risk that theta and w started from.
        """
        with statistics_kept(self.model):
            with torch.no_grad():
                prediction = self.model(images)
            descend(-self._risk(kind, images, prediction), self.optimizers[kind])
            risk = self._risk(kind, images, prediction)
            loss = self.model.pns_weight * risk
            if self.minimised == "objective":
                (other,) = {*KINDS} - {kind}
                loss = loss + self.model.pns_weight * self._risk(other, images, prediction)
                loss = loss + self.regime(self.model, images, labels).loss
            descend(loss, self.optimizers["weights"])
        return risk.detach()

    def _risk(self, kind: Kind, images: Tensor, prediction: Tensor) -> Tensor:
        with self.model.intervened(kind):
            return RISKS[kind](self.model(images), prediction)
