"""Training regimes: what the regression loss of a step is taken on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...models.recipe import Fit, Labels

if TYPE_CHECKING:
    from ...attacks.base import Attack


class CleanRegime:
    """The images as they are."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Labels) -> Fit:
        """See `Regime`."""
        return Fit(regression_losses(model, images, labels).mean(), {})


@dataclass(frozen=True)
class AdversarialRegime:
    """Adversarial training as the backdoor adjustment P(Y | do(X)) (CPRL, Eq. 4).

    The sum over the confounder has two terms, the natural image and its adversarial copy, and their priors
    are the weights of the two losses. Both halves go through the model as one batch, so that batch
    normalisation sees what it will see at test time.
    """

    # makes the adversarial copies, on the score reflection objective, against the model in evaluation mode
    attack: "Attack"
    epsilon: float  # radius of the L-inf ball, in pixel units of [0, 1]
    prior_natural: float  # P(c_natural)
    prior_adversarial: float  # P(c_adv)

    def __call__(self, model: nn.Module, images: Tensor, labels: Labels) -> Fit:
        """See `Regime`."""
        adversarial = next(self.attack.perturb(model, images, labels.quality, [self.epsilon]))
        losses = regression_losses(model, torch.cat([images, adversarial]), labels.twice())
        natural, attacked = (half.mean() for half in losses.chunk(2))
        loss = self.prior_natural * natural + self.prior_adversarial * attacked
        return Fit(loss, {"natural": natural.detach(), "adversarial": attacked.detach()})


def regression_losses(model: nn.Module, images: Tensor, labels: Labels) -> Tensor:
    """Return the loss (N,) of each image: the squared error of its score.

    Where the distribution of people's ratings is known, a model that predicts one is asked for its own loss,
    by its method `distribution_losses(images, distribution)`.
    """
    own_losses: Any = getattr(model, "distribution_losses", None)
    losses: Tensor
    if own_losses is not None and labels.distribution is not None:
        losses = own_losses(images, labels.distribution)
    else:
        losses = (model(images) - labels.quality).square()
    return losses
