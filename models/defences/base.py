"""A defence, and a model behind defences: what attacks see of it, and which backward passes it offers."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..adapted.referenced import recognising
from ..base import switched

Scorer = Callable[[Tensor], Tensor]  # from images (N, 3, H, W) in [0, 1] to scores (N,)

IDENTITY = "identity"  # name of the backward pass in which filters and codecs count as the identity (BPDA)


class Defence(nn.Module):
    """Base class of a defence. A subclass implements `forward`, from images to images of the same shape.

    Attributes:
        version: Raised with every change of the code that changes a score.
        stochastic: Whether it draws random numbers, so that two scores of an image may differ. Attacks then
            average over draws (EOT).
        near_identity: Whether its result is close to its input, so that an attack may take the identity for
            its backward pass (BPDA, Athalye et al. 2018).
        recipe: Name of the training recipe that fits it to the training images of a dataset, once for all
            models; "none": it does not learn. An attribute `recipe_params` holds the recipe's parameters.
    """

    recipe: ClassVar[str] = "none"
    version: ClassVar[int] = 1
    stochastic: ClassVar[bool] = False
    near_identity: ClassVar[bool] = False

    @property
    def passes(self) -> int:
        """Passes of the model that one score takes."""
        return 1

    def scores(self, model: Scorer, images: Tensor) -> Tensor:
        """Return the scores (N,) of a model on images (N, 3, H, W) behind the defence."""
        return model(self(images))


class Defended(nn.Module):
    """A model behind defences.

    Its own backward pass is the exact gradient where a defence is differentiable. A rounding, as in JPEG,
    passes the gradient on unchanged, because its own gradient is zero.

    Args:
        model: Images (N, 3, H, W) in [0, 1] to scores (N,).
        steps: The defences, in the order in which an image passes them; each result is an image in [0, 1].

    Attributes:
        passes: Passes of the model that one score takes.
    """

    def __init__(self, model: nn.Module, steps: Sequence[Defence]) -> None:
        super().__init__()
        self.model = model
        self.steps = nn.ModuleList(steps)
        self.passes = math.prod(step.passes for step in steps)
        self.stochastic = any(step.stochastic for step in steps) or bool(getattr(model, "stochastic", False))
        self.rounding = float(getattr(model, "rounding", 0.0))
        self.through_identity = False

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores (N,) of images (N, 3, H, W) in [0, 1]."""
        with recognising(self.model, images):
            return self._behind(0, images)

    def _behind(self, number: int, images: Tensor) -> Tensor:
        if number == len(self.steps):
            scores: Tensor = self.model(images)
            return scores
        step: Any = self.steps[number]
        if self.through_identity and step.near_identity:
            with torch.no_grad():
                changed = step(images.detach())
            return self._behind(number + 1, straight_through(images, changed))
        behind: Tensor = step.scores(lambda changed: self._behind(number + 1, changed), images)
        return behind

    def backward_passes(self) -> tuple[str, ...]:
        """Return the backward passes offered: those of the model, and each with filters as the identity."""
        offered: Any = getattr(self.model, "backward_passes", tuple)
        own = tuple(offered())
        if not any(step.near_identity for step in self.steps):
            return own
        return (*own, IDENTITY, *(f"{IDENTITY}, {name}" for name in own))

    @contextmanager
    def backward_through(self, name: str) -> Iterator[None]:
        """Take gradients through one of them; see `IQAModel.backward_through`."""
        if name not in self.backward_passes():
            offered = ", ".join(map(repr, self.backward_passes())) or "none"
            raise ValueError(f"there is no backward pass {name!r}; offered: {offered}")
        of_model = name.removeprefix(IDENTITY).removeprefix(", ")
        model: Any = self.model
        through_model = model.backward_through(of_model) if of_model else nullcontext()
        with switched([self], "through_identity", name.startswith(IDENTITY)), through_model:
            yield


def straight_through(images: Tensor, value: Tensor) -> Tensor:
    """Return a value of the shape of some images, with the gradient of the images."""
    straight: Tensor = _StraightThrough.apply(images, value)
    return straight


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, value: Tensor) -> Tensor:
        return value.to(images.dtype).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def recomputed(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Call a function; in a backward pass its intermediate results are computed again instead of kept."""
    if not torch.is_grad_enabled():
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)
