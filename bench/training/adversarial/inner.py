"""Tools of adversarial recipes: the gradient to pixels in a training step, and the search of `auto`."""

import torch
from torch import Tensor, nn

from ....attacks.apgd import APGD
from ....attacks.tools.balls import LinfBall
from ....attacks.tools.gradient import undisturbed
from ....attacks.tools.victim import Victim
from ....models.recipe import Labels, Regime, statistics_kept


def loss_gradient(regime: Regime, model: nn.Module, images: Tensor, labels: Labels) -> Tensor:
    """Return the gradient (N, 3, H, W) of a regime's loss to images (N, 3, H, W), in training mode."""
    pixels = images.detach().requires_grad_()
    with statistics_kept(model):
        loss = regime(model, pixels, labels).loss
        (gradient,) = torch.autograd.grad(loss, pixels)
    return gradient


def worst_images(model: nn.Module, images: Tensor, labels: Labels, epsilon: float, steps: int) -> Tensor:
    """Return the images of L-inf balls with the largest squared error that `auto`'s search finds.

    The balls are around images (N, 3, H, W) in [0, 1], their radius in pixel units; `steps` are those of
    Auto-PGD. The model is attacked in evaluation mode, as `auto` does, and left as it was found.
    """
    victim = Victim(model, images.detach(), labels.quality, squared_error)
    with torch.no_grad(), undisturbed(model):
        found, _ = APGD(steps=steps).climb(victim, LinfBall(victim.images, epsilon), victim.images)
    return found.detach()


def squared_error(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the squared errors (N,) of scores: an objective of attacks."""
    return (scores - labels).square()
