"""What every attack shares: the contract, and the gradient of an objective with respect to pixels."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..bench.errors import UserError
from .objectives import Objective


class Attack(ABC):
    """An attack is its hyper-parameters; `perturb` runs it on one batch."""

    @abstractmethod
    def perturb(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilons: Sequence[float],
        *,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """Yield one adversarial batch per epsilon, in order.

        Args:
            model: Images (N, 3, H, W) in [0, 1] to scores (N,); left as it was found.
            images: (N, 3, H, W) float in [0, 1].
            labels: (N,) quality in [0, 1], higher is better.
            epsilons: Radii of the L-inf ball, in pixel units of [0, 1].
            generator: Source of randomness. Passing one generator to batch after batch draws the same
                numbers for an image whatever the batch size. Default: a new one from the attack's seed.

        Yields:
            (N, 3, H, W): inside [0, 1] and within epsilon of `images`.
        """


def pixel_gradient(model: nn.Module, images: Tensor, labels: Tensor, objective: Objective) -> Tensor:
    """Gradient (N, 3, H, W) of the objective with respect to pixels, the model in evaluation mode.

    The objective is summed over the batch, so that an image's gradient does not depend on its neighbours.
    Where a diverged model gives NaN the gradient is zero.

    Raises:
        UserError: the score does not depend on the pixels through differentiable operations.
    """
    with undisturbed(model), torch.enable_grad():
        pixels = images.detach().requires_grad_()
        scores = model(pixels)
        if not scores.requires_grad:
            raise UserError(
                f"{type(model).__name__}: its scores carry no gradient to the pixels, so a gradient attack "
                "cannot be run on it; look for torch.no_grad() or .detach() in its forward"
            )
        (gradient,) = torch.autograd.grad(objective(scores, labels).sum(), pixels)
    return gradient.nan_to_num_()


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients to weights, for the time of the context; then all as before."""
    modes = {module: module.training for module in model.modules()}
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    model.eval()
    for weight in trainable:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        for weight in trainable:
            weight.requires_grad_(True)
