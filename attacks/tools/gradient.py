"""The gradient of an objective to the pixels, and what a model looks like while it is attacked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...bench.core.errors import UserError
from .objectives import Objective

Scorer = Callable[[Tensor], Tensor]
"""A model, or a view of one: takes images (N, 3, H, W) in [0, 1] and gives scores (N,)."""


class NoGradientError(UserError):
    """The scores of a model do not depend on the pixels through differentiable operations."""


def pixel_gradient(
    model: Scorer, images: Tensor, labels: Tensor, objective: Objective, eot_samples: int = 1
) -> Tensor:
    """Return the gradient (N, 3, H, W) of the objective with respect to pixels, zero where it is NaN.

    Arguments and errors are those of `values_and_gradient`.
    """
    return values_and_gradient(model, images, labels, objective, eot_samples)[1].nan_to_num_()


def values_and_gradient(
    model: Scorer, images: Tensor, labels: Tensor, objective: Objective, eot_samples: int = 1
) -> tuple[Tensor, Tensor]:
    """Return the values (N,) of the objective and their gradient (N, 3, H, W) with respect to pixels.

    Call it inside `undisturbed(model)`. Images and labels (N,) are in [0, 1]. The objective is summed over
    the batch, so that an image's gradient does not depend on its neighbours. Values and gradient are means
    over `eot_samples` forward passes; more than one is for a model that is random at test time (EOT,
    expectation over transformation, Athalye et al. 2018).

    Raises:
        UserError: The model does not return one score per image.
        NoGradientError: Its scores carry no gradient.
    """
    values, gradient = _one_gradient(model, images, labels, objective)
    if eot_samples == 1:
        return values, gradient
    for _ in range(eot_samples - 1):
        more_values, more_gradient = _one_gradient(model, images, labels, objective)
        values += more_values
        gradient += more_gradient
    return values.div_(eot_samples), gradient.div_(eot_samples)


def differentiable_scores(model: Scorer, pixels: Tensor) -> Tensor:
    """Return the scores (N,) of images (N, 3, H, W) that require a gradient.

    Raises:
        UserError: The model does not return one score per image.
        NoGradientError: Its scores carry no gradient.
    """
    scores = model(pixels)
    name = type(model).__name__
    if scores.shape != pixels.shape[:1]:
        raise UserError(
            f"{name}: returned scores of shape {tuple(scores.shape)} for {len(pixels)} "
            f"images, expected ({len(pixels)},): one score per image"
        )
    if not scores.requires_grad:
        raise NoGradientError(
            f"{name}: its scores carry no gradient to the pixels, so a gradient attack "
            "cannot be run on it; look for torch.no_grad() or .detach() in its forward, or say "
            "`black_box = True` in its class: then only attacks run that need no gradient"
        )
    return scores


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode without gradients to weights; restore it after the block."""
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


def _one_gradient(
    model: Scorer, images: Tensor, labels: Tensor, objective: Objective
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False), torch.enable_grad():
        pixels = images.detach().requires_grad_()
        scores = differentiable_scores(model, pixels)
        values = objective(scores, labels)
        (gradient,) = torch.autograd.grad(values.sum(), pixels)
    return values.detach().clone(), gradient
