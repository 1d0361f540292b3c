"""Minimax PNS training: Algorithm 1 of the CPRL paper, on the objective of Eq. 14."""

import torch
from torch import Tensor

from ...bench.core.config import TrainingSettings
from ..recipe import Labels, Recipe, Regime, Terms, descend, statistics_kept
from .intervention import RISKS, Kind
from .model import CPRL

KINDS: tuple[Kind, Kind] = ("sufficiency", "necessity")


class MinimaxPNS(Recipe):
    """Follows each step of plain regression by one on the PNS risk (Eq. 12, 14), on its halves by turns.

    In steps of even number t the intervention is SF: phi raises ||y_c - y||^2, then theta and w lower it. In
    odd ones it is NC: xi lowers ||y_s - y||^2, then theta and w raise it. theta and w have one AdamW, phi and
    xi have one each. The prediction y stands for a label: it is computed anew after the plain step, and
    carries no gradient.

    Intervened passes normalise by their own batch, as training does, and leave the running statistics of
    batch normalisation alone, which evaluation uses and in which an intervention never happens.

    Args:
        model: theta, w, phi and xi. With `pns_weight` 0 every step is the plain one.
        settings: `[training]`.
        regime: What the plain step minimises.
    """

    model: CPRL

    def __init__(self, model: CPRL, settings: TrainingSettings, regime: Regime) -> None:
        super().__init__(model, settings, regime)
        interveners = {kind: model.intervention_weights(kind) for kind in KINDS if model.pns_weight}
        theirs = {weight for weights in interveners.values() for weight in weights}
        self.optimizers["weights"] = self.adamw(w for w in model.parameters() if w not in theirs)
        self.optimizers |= {kind: self.adamw(weights) for kind, weights in interveners.items()}

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """Take lines 3 to 11 of Algorithm 1; see `Recipe.step`."""
        terms = self.regression_step(images, labels, self.optimizers["weights"])
        if self.model.pns_weight:
            kind = KINDS[number % 2]
            terms[kind] = self.pns_step(kind, images)
        return terms

    def pns_step(self, kind: Kind, images: Tensor) -> Tensor:
        """Let phi or xi raise their half of the risk, then theta and w lower it.

        Returns:
            The risk that theta and w started from.
        """
        risk_of = RISKS[kind]
        with statistics_kept(self.model):
            with torch.no_grad():
                prediction = self.model(images)
            with self.model.intervened(kind):
                descend(-risk_of(self.model(images), prediction), self.optimizers[kind])
                risk = risk_of(self.model(images), prediction)
                descend(self.model.pns_weight * risk, self.optimizers["weights"])
        return risk.detach()
