"""What every attack shares: the contract, its door, and the gradient of an objective to the pixels."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..bench.core.errors import UserError
from .tools.objectives import Objective

GRADIENT_PASSES = 3.0  # a forward pass that keeps its graph and a backward pass, in bare forward passes


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
            images: (N, 3, H, W) in [0, 1], float32 or float64.
            labels: (N,) quality in [0, 1], higher is better.
            epsilons: Radii of the L-inf ball, in pixel units of [0, 1].
            generator: Source of randomness, on the CPU: one draw per image, in order. Default: draws made
                from the attack's seed and the image itself, the same in any batch and any order.

        Yields:
            (N, 3, H, W): inside [0, 1] and within epsilon of `images`.

        Raises:
            ValueError: Images or labels have another shape, type or range.
            UserError: An epsilon is not in [0, 1], or the model gives no gradient or no score per image.
        """

    def passes(self, epsilons: int) -> float:
        """About how much work one image is, in forward passes, so that the time left can be told.

        Args:
            epsilons: How many of them.
        """
        return GRADIENT_PASSES * epsilons


def checked_images(images: Tensor, labels: Tensor, epsilons: Sequence[float]) -> Tensor:
    """The door of every attack: the images, detached, once the batch is what the contract asks for.

    Raises:
        ValueError: Images are not (N, C, H, W) float32 or float64 in [0, 1], or labels not (N,) in [0, 1].
        UserError: An epsilon is not in [0, 1].
    """
    for epsilon in epsilons:
        if not 0 <= epsilon <= 1:
            grey_levels = math.isfinite(epsilon) and epsilon > 1
            hint = f"; for {epsilon:g} grey levels of 255, give {epsilon:g}/255" if grey_levels else ""
            raise UserError(f"epsilon {epsilon:g}: must lie in [0, 1], in units of the pixel range{hint}")
    if images.ndim != 4 or not len(images):
        raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"expected images in float32 or float64, got {images.dtype}, which is too coarse for an epsilon "
            "of a few grey levels; lower precision belongs inside the model (torch.autocast)"
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(f"expected labels of shape ({len(images)},), got {tuple(labels.shape)}")
    _check_range("images", images)
    _check_range("labels", labels)
    return images.detach()


def pixel_gradient(
    model: nn.Module, images: Tensor, labels: Tensor, objective: Objective, samples: int = 1
) -> Tensor:
    """Gradient (N, 3, H, W) of the objective with respect to pixels.

    Call it inside `undisturbed(model)`. The objective is summed over the batch, so that an image's gradient
    does not depend on its neighbours. Where a diverged model gives NaN the gradient is zero.

    Args:
        model: Images (N, 3, H, W) in [0, 1] to scores (N,).
        images: (N, 3, H, W) in [0, 1].
        labels: (N,) quality in [0, 1].
        objective: What is to increase.
        samples: Forward passes to average over. More than one is for a model that is random at test time
            (expectation over transformation, Athalye et al. 2018).

    Raises:
        UserError: The model does not return one score per image, or its scores do not depend on the pixels
            through differentiable operations.
    """
    gradient = _one_gradient(model, images, labels, objective)
    for _ in range(samples - 1):
        gradient += _one_gradient(model, images, labels, objective)
    return gradient.div_(samples)


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients to weights, for the time of the context; then all as before.

    Do not yield to a caller inside it: an attack abandoned half-way would leave the model changed.
    """
    modes = {module: module.training for module in model.modules()}
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    try:
        model.eval()
        for weight in trainable:
            weight.requires_grad_(False)
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        for weight in trainable:
            weight.requires_grad_(True)


def _check_range(name: str, values: Tensor) -> None:
    lowest, highest = (bound.item() for bound in torch.aminmax(values.detach()))
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails
        raise ValueError(f"expected {name} in [0, 1], got values from {lowest:g} to {highest:g}")


def _one_gradient(model: nn.Module, images: Tensor, labels: Tensor, objective: Objective) -> Tensor:
    with torch.inference_mode(False), torch.enable_grad():
        pixels = (images.clone() if images.is_inference() else images.detach()).requires_grad_()
        scores = model(pixels)
        if scores.shape != images.shape[:1]:
            raise UserError(
                f"{type(model).__name__}: returned scores of shape {tuple(scores.shape)} for {len(images)} "
                f"images, expected ({len(images)},): one score per image"
            )
        if not scores.requires_grad:
            raise UserError(
                f"{type(model).__name__}: its scores carry no gradient to the pixels, so a gradient attack "
                "cannot be run on it; look for torch.no_grad() or .detach() in its forward"
            )
        (gradient,) = torch.autograd.grad(objective(scores, labels).sum(), pixels)
    return gradient.nan_to_num()
