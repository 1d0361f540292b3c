"""Rehearses what a sweep does with a model, so that a fault shows in seconds, with the line that has it."""

import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..bench.core.errors import UserError, blaming_line
from .adapted.adapter import Adapter
from .recipe import sound_kernels

TOLERANCE = 1e-5
"""Largest difference of scores in [0, 1] between batch sizes or memory formats, in full precision."""


def check_model(
    factory: Callable[[], nn.Module],
    images: Tensor | None = None,
    *,
    trained: bool = True,
    differentiated: bool = False,
) -> None:
    """Check that a model keeps to the contract of `iqabench.models`.

    It is built, scores two images and one, twice and in the layout of a sweep; it is differentiated to the
    pixels and takes a step in training mode; and its weights are saved and loaded.

    Args:
        factory: Builds the model: its class, or a function without arguments.
        images: Two different float images (2, 3, H, W) in [0, 1]. Default: noise of 96 x 128 pixels, bright
            and dark.
        trained: Whether it will be trained. A model that will not, or whose recipe is "none", is not asked
            for gradients.
        differentiated: Whether an attack needs a gradient of one that is not trained.

    Raises:
        UserError: the first fault found, with the model's file and line: where an operation failed, else of
            its forward.
    """
    if images is None:
        images = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(0))
        images[1] *= 0.25
    with torch.random.fork_rng([]):
        model = _built(factory)
        try:
            check_scores(model, images)
            if trained and getattr(model, "recipe", "regression") != "none":
                _check_gradient(model, images)
                _check_training(model, images)
            elif differentiated:
                _differentiable(model, images.clone().requires_grad_())
            _check_weights(model, _built(factory), images)
        except UserError as error:
            if error.__cause__ is None:  # nothing failed, so no line is blamed yet
                raise UserError(f"{error}{_forward_of(model)}") from None
            raise


def _own(model: Any) -> Any:
    """Return the user's model inside an adapter."""
    while isinstance(model, Adapter):
        model = model.model
    return model


def _name(model: nn.Module) -> str:
    return type(_own(model)).__name__


def _forward_of(model: nn.Module) -> str:
    try:
        own = type(_own(model))
        if own.__module__.startswith(Adapter.__module__.rpartition(".")[0]):
            return ""  # around a function or a program, which the error names
        forward = inspect.unwrap(own.forward)
        return f" ({inspect.getfile(forward)}, line {inspect.getsourcelines(forward)[1]}: forward)"
    except (TypeError, OSError):  # made without a file
        return ""


@contextmanager
def blaming(model: nn.Module, fault: str) -> Iterator[None]:
    """Turn whatever is raised into a `UserError` that names the model, the fault and the user's line."""
    with blaming_line(f"{_name(model)} {fault}", _own(model)):
        yield


def _built(factory: Callable[[], nn.Module]) -> nn.Module:
    model = factory()
    if not isinstance(model, nn.Module):
        raise UserError(f"a {type(model).__name__} is not an nn.Module")
    check_complete(model)
    return model


def check_complete(model: nn.Module) -> None:
    """Raise a UserError if a model lacks weights, as without super().__init__() or with lazy layers."""
    if "_parameters" not in vars(model):
        raise UserError(f"{type(model).__name__} does not call super().__init__() in its __init__")
    waiting = [name for name, weight in model.named_parameters() if is_lazy(weight)]
    if waiting:
        raise UserError(
            f"{type(model).__name__} has no weight {waiting[0]!r} before its first batch; give the layer its "
            "size, in place of a lazy one"
        )


def check_scores(model: nn.Module, images: Tensor) -> None:
    """Check that each score depends on its image alone, unless the model states `stochastic`.

    Raises:
        UserError: they depend on chance, on the rest of a batch or on its layout in memory, are not one for
            each image, or the images are changed.
    """
    model.eval()
    before = images.clone()
    scores = _scores(model, images, "two images")
    if not torch.equal(images, before):
        raise UserError(
            f"{_name(model)} changes the images that it is given; normalise a copy, as in "
            "images = images - mean"
        )
    alone = torch.cat([_scores(model, image, "one image") for image in images.unsqueeze(1)])
    channels_last = images.contiguous(memory_format=torch.channels_last)
    other_layout = _scores(model, channels_last, "two images in the layout channels_last")
    if getattr(model, "stochastic", False):
        return
    drawn = _random_numbers()
    again = _scores(model, images, "two images")
    _require_same(
        model, scores, again, "gives one image two scores; if that is meant, say `stochastic = True`"
    )
    if _random_numbers() != drawn:  # a rare event need not show in two scores
        raise UserError(
            f"{_name(model)} draws random numbers while it scores; if that is meant, say `stochastic = True`"
        )
    _require_same(model, scores, alone, "scores an image by what else is in its batch")
    _require_same(model, scores, other_layout, "scores an image by its layout in memory")


def _random_numbers() -> list[object]:
    """Return the states of the generators that torch, numpy and Python share among all of a process."""
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002 - a model may draw from it
    return [torch.get_rng_state().tolist(), repr(numpys), random.getstate()]


def _scores(model: nn.Module, images: Tensor, what: str) -> Tensor:
    with torch.no_grad(), blaming(model, f"cannot score {what}, shape {tuple(images.shape)}"):
        scores = model(images)
    return _checked(model, scores, images, "")


def _checked(model: nn.Module, scores: object, images: Tensor, when: str) -> Tensor:
    name = _name(model)
    if isinstance(scores, Tensor) and scores.is_complex():
        raise UserError(f"{name} gives complex numbers{when}; a score is real")
    if not isinstance(scores, Tensor) or scores.shape != images.shape[:1]:
        found = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise UserError(
            f"{name} gives {found}{when} for {len(images)} image{'s' * (len(images) > 1)}; a model gives one "
            "score for each, shape (N,)"
        )
    return scores


def _require_same(model: nn.Module, scores: Tensor, others: Tensor, fault: str) -> None:
    tolerance = max(TOLERANCE, getattr(model, "rounding", 0.0))
    if not torch.allclose(scores, others, rtol=tolerance, atol=tolerance, equal_nan=True):
        found = ", ".join(f"{score:.6g} and {other:.6g}" for score, other in zip(scores, others, strict=True))
        raise UserError(f"{_name(model)} {fault} (found: {found})")


def _check_gradient(model: nn.Module, images: Tensor) -> None:
    pixels = images.clone().requires_grad_()
    with blaming(model, "cannot be differentiated to the pixels"):
        scores = _differentiable(model, pixels)
        if not scores.isfinite().all():
            raise UserError(f"{_name(model)} gives the scores {scores.tolist()}; a score is finite")
        (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    if not gradient.isfinite().all():
        raise UserError(f"{_name(model)}: the gradient of its scores to the pixels is not finite")


def _differentiable(model: nn.Module, pixels: Tensor) -> Tensor:
    scores: Tensor = model(pixels)
    if not scores.requires_grad:
        raise UserError(
            f"{_name(model)}: its scores carry no gradient; look for torch.no_grad() or .detach() in "
            "its forward"
        )
    return scores


def _check_training(model: nn.Module, images: Tensor) -> None:
    if not any(weight.requires_grad for weight in model.parameters()):
        raise UserError(
            f'{_name(model)} has no weights to train; if it is used as it is, say `recipe = "none"` in its '
            "class or its table"
        )
    model.train()
    with blaming(model, "cannot be trained"), sound_kernels(model):
        scores = _checked(model, model(images), images, " in training mode")
        (scores - 0.5).square().sum().backward()  # type: ignore[no-untyped-call]
    if all(weight.grad is None for weight in model.parameters()):
        raise UserError(f"{_name(model)}: training reaches none of its weights")
    model.eval()


def _check_weights(model: nn.Module, other: nn.Module, images: Tensor) -> None:
    with blaming(model, "has weights that cannot be saved as safetensors and loaded"):
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        other.load_state_dict(load(save(tensors)))
    if not getattr(model, "stochastic", False):
        # The last image first, which shows a model that goes by what it was given before.
        loaded = [_scores(other.eval(), image, "one image") for image in images.flip(0).unsqueeze(1)]
        _require_same(
            model,
            _scores(model, images, "two images"),
            torch.cat(loaded[::-1]),
            "scores otherwise once its weights were saved and loaded, or by what it was given before; what "
            "training changes belongs in parameters and buffers, and nothing else counts",
        )
