"""Training recipes: what one step on one batch does. The loop around them is `training.fit`.

A regime says what a step's regression loss is taken on, a recipe what else a step does: Algorithm 1 of the
CPRL paper plays its game after the plain step.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import AdamW, Optimizer

from ...models.cprl.intervention import Kind, necessity_risk, sufficiency_risk
from ..core.config import TrainingSettings
from ..core.errors import UserError, nearest

if TYPE_CHECKING:
    from ...attacks.base import Attack
    from ...models.cprl.model import CPRL

Terms = dict[str, Tensor]
"""Loss terms by name, each a number without gradient."""

OpinionLosses = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

GAME: tuple[Kind, Kind] = ("sufficiency", "necessity")


class Labels(NamedTuple):
    """What people said of a batch of images.

    Attributes:
        quality: (N,) in [0, 1], higher is better.
        opinions: (N, K) the share of each rating from the worst to the best, where it is known.
    """

    quality: Tensor
    opinions: Tensor | None = None

    def to(self, device: torch.device) -> "Labels":
        """The same on another device."""
        return Labels(
            self.quality.to(device), self.opinions if self.opinions is None else self.opinions.to(device)
        )

    def twice(self) -> "Labels":
        """The same for a batch that is followed by its copy."""
        opinions = self.opinions if self.opinions is None else self.opinions.repeat(2, 1)
        return Labels(self.quality.repeat(2), opinions)


class Fit(NamedTuple):
    """How well the scores of a batch agree with the labels.

    Attributes:
        loss: To be minimised.
        scores: (N,) scores of the natural images.
        terms: What the loss is made of, where it has parts.
    """

    loss: Tensor
    scores: Tensor
    terms: Terms


class Regime(Protocol):
    """What training sees: from a model and a batch to the regression loss."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Labels) -> Fit:
        """The loss of a model on images (N, 3, H, W) in [0, 1] with their labels."""


class CleanRegime:
    """The images as they are."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Labels) -> Fit:
        """See `Regime`."""
        losses, scores = regression_losses(model, images, labels)
        return Fit(losses.mean(), scores, {})


@dataclass(frozen=True)
class AdversarialRegime:
    """Adversarial training as the backdoor adjustment P(Y | do(X)) (CPRL, Eq. 4).

    The sum over the confounder has two terms, the natural image and its adversarial copy, and their priors
    are the weights of the two losses. Both halves go through the model as one batch, so that batch
    normalisation sees what it will see at test time.

    Attributes:
        attack: Makes the adversarial copies, on the score reflection objective, against the model in
            evaluation mode.
        epsilon: Radius of the L-inf ball, in pixel units of [0, 1].
        prior_natural: P(c_natural).
        prior_adversarial: P(c_adv).
    """

    attack: "Attack"
    epsilon: float
    prior_natural: float
    prior_adversarial: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Labels) -> Fit:
        """See `Regime`."""
        adversarial = next(self.attack.perturb(model, images, labels.quality, [self.epsilon]))
        losses, scores = regression_losses(model, torch.cat([images, adversarial]), labels.twice())
        natural_loss, adversarial_loss = (half.mean() for half in losses.chunk(2))
        loss = self.prior_natural * natural_loss + self.prior_adversarial * adversarial_loss
        terms = {"natural": natural_loss.detach(), "adversarial": adversarial_loss.detach()}
        return Fit(loss, scores[: len(images)], terms)


class Recipe(Protocol):
    """A training recipe, made for one model."""

    optimizers: dict[str, Optimizer]

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """One step on one batch.

        Args:
            number: Steps taken before, over all epochs.
            images: (N, 3, H, W) in [0, 1].
            labels: Of the N images.

        Returns:
            Loss terms, `loss` among them. One may be missing from a step in which it has no part.
        """


class Regression:
    """Minimises the regime's loss with AdamW: plain regression on the label."""

    def __init__(self, model: nn.Module, settings: TrainingSettings, regime: Regime) -> None:
        self.model = model
        self.regime = regime
        self.optimizers: dict[str, Optimizer] = {"weights": _adamw(model.parameters(), settings)}

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe`."""
        fit = self.regime(self.model, images, labels)
        _descend(fit.loss, self.optimizers["weights"])
        return {"loss": fit.loss.detach(), **fit.terms}


class MinimaxGame:
    """CPRL's Algorithm 1: after each plain step the PNS risk (Eq. 12, 14), its halves by turns.

    In steps of even number t the intervention is SF: phi raises ||y_c - y||^2, then theta and w lower it. In
    odd ones it is NC: xi lowers ||y_s - y||^2, then theta and w raise it. theta, w, phi and xi are under
    AdamW each, the first two under one. The prediction y stands for a label: it is computed anew after the
    plain step, and carries no gradient.

    Intervened passes normalise by their own batch, as training does, and leave the running statistics of
    batch normalisation alone, which evaluation uses and in which an intervention never happens.

    Args:
        model: theta, w, phi and xi. With `pns_weight` 0 every step is the plain one.
        settings: `[training]`.
        regime: What the plain step minimises.
    """

    def __init__(self, model: "CPRL", settings: TrainingSettings, regime: Regime) -> None:
        self.model = model
        self.regime = regime
        self.interveners = {kind: model.intervention_weights(kind) for kind in GAME}
        theirs = {weight for weights in self.interveners.values() for weight in weights}
        self.weights = [weight for weight in model.parameters() if weight not in theirs]
        self.optimizers: dict[str, Optimizer] = {"weights": _adamw(self.weights, settings)}
        if model.pns_weight:
            self.optimizers |= {kind: _adamw(weights, settings) for kind, weights in self.interveners.items()}

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe`."""
        fit = self.regime(self.model, images, labels)
        _descend(fit.loss, self.optimizers["weights"], self.weights)
        terms = {"loss": fit.loss.detach(), **fit.terms}
        if self.model.pns_weight:
            kind = GAME[number % 2]
            terms[kind] = self._play(kind, images)
        return terms

    def _play(self, kind: Kind, images: Tensor) -> Tensor:
        """One move of each side under one kind of intervention; the risk that theta and w were left with."""
        risk_of = sufficiency_risk if kind == "sufficiency" else necessity_risk
        with statistics_kept(self.model):
            with torch.no_grad():
                prediction = self.model(images)
            with self.model.intervened(kind):
                risk = risk_of(self.model(images), prediction)
                _descend(-risk, self.optimizers[kind], self.interveners[kind])
                risk = risk_of(self.model(images), prediction)
                _descend(self.model.pns_weight * risk, self.optimizers["weights"], self.weights)
        return risk.detach()


def regression_losses(model: nn.Module, images: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
    """The loss of each image (N,), and the scores (N,).

    It is the squared error of the score; but where the distribution of opinions is known, a model that
    predicts one is asked for its own loss, by its method `opinion_losses(images, opinions)`.
    """
    own_losses: OpinionLosses | None = getattr(model, "opinion_losses", None)
    if own_losses is not None and labels.opinions is not None:
        return own_losses(images, labels.opinions)
    scores = model(images)
    return (scores - labels.quality).square(), scores


RECIPES: dict[str, Any] = {"regression": Regression, "cprl": MinimaxGame}


def recipe_of(model: object) -> str:
    """The name of the recipe that a model or its class asks for by `recipe`; "none": it comes fitted.

    Raises:
        UserError: there is no such recipe.
    """
    name = getattr(model, "recipe", "regression")
    if name != "none" and name not in RECIPES:
        raise UserError(f"unknown training recipe {name!r}: {nearest(str(name), [*RECIPES, 'none'])}")
    return str(name)


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Batch normalisation goes on by the batch's statistics, but does not count them in the running ones."""
    layers = [
        layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats
    ]
    try:
        for layer in layers:
            layer.track_running_stats = False
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _adamw(weights: Any, settings: TrainingSettings) -> AdamW:
    return AdamW(weights, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _descend(loss: Tensor, optimizer: Optimizer, weights: list[nn.Parameter] | None = None) -> None:
    """One step of an optimiser along the gradient to its own weights."""
    optimizer.zero_grad()
    loss.backward(inputs=weights)  # type: ignore[no-untyped-call]
    optimizer.step()
