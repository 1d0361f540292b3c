"""Views of a model that show a gradient where its own backward pass hides it.

A view scores images as the model does (except `logit`, whose scores are in the same order) and has another
gradient: through a backward pass that the model offers, through operations whose own gradient is zero, or by
finite differences. An attack tries views, and what they find is scored by the model itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from .balls import wide
from .gradient import NoGradientError, Scorer
from .noise import patch_signs

SAME = 0.999  # cosine of two gradients above which the second view is not worth its passes
_STEPS = ("round", "floor", "ceil", "trunc", "fix", "sign", "sgn")  # whose gradient is zero


class View(NamedTuple):
    """A way to score images and to take the gradient."""

    # `own`, the name of a backward pass that the model offers, `seen through`, `logit` or `finite
    # differences`
    name: str
    scorer: Scorer  # images (N, 3, H, W) to scores (N,)


def offered_views(model: Any) -> list[View]:
    """Return a view for each backward pass that the model offers.

    A model offers them by `backward_passes()`, their names, and `backward_through(name)`, a context manager
    in which its scores are the same and their gradient is that of the backward pass named.
    """
    names = model.backward_passes() if hasattr(model, "backward_passes") else ()
    return [View(name, _Offered(model, name)) for name in names]


def all_views(model: Scorer) -> Iterator[View]:
    """Yield the model itself, the views it offers, and those that need nothing from it."""
    yield View("own", model)
    yield from offered_views(model)
    yield View("seen through", _SeenThrough(model, logit=False))
    yield View("logit", _SeenThrough(model, logit=True))


class Lens(NamedTuple):
    """A view, and the images that it is worth searching for."""

    view: View
    useful: Tensor  # (N,) for which images the view shows a gradient that none before it shows


def useful_views(model: Scorer, gradient_through: Callable[[Scorer], Tensor]) -> list[Lens]:
    """Return the views that show another gradient than those before them, for at least one image.

    `gradient_through` leads from a view's scorer to the gradient (N, 3, H, W) of the objective, finite. It is
    called once for each view; a random model makes the same draws in each call.
    """
    lenses: list[Lens] = []
    directions: list[Tensor] = []
    for view in all_views(model):
        gradient = _trial(view, gradient_through)
        if gradient is None:
            continue
        direction = F.normalize(gradient.flatten(1).double(), dim=1, eps=1e-300)
        shown = (direction != 0).any(1)
        for other in directions:
            shown = shown & ((direction * other).sum(1) < SAME)
        if shown.any():
            lenses.append(Lens(view, shown))
            directions.append(direction)
    return lenses


def _trial(view: View, gradient_through: Callable[[Scorer], Tensor]) -> Tensor | None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            return gradient_through(view.scorer)
        except NoGradientError:
            return None
        except Exception:
            if view.name == "own":
                raise
            return None  # a model may do with a tensor what a view cannot follow


@dataclass(frozen=True)
class _Offered:
    model: Any
    name: str

    def __call__(self, images: Tensor) -> Tensor:
        with self.model.backward_through(self.name):
            scores: Tensor = self.model(images)
        return scores


@dataclass(frozen=True)
class FiniteDifferences:
    """A view whose gradient is estimated from scores alone.

    The directions are random signs, constant on square patches of random size: quality models are smooth, so
    a patch moves a score much more than as many independent pixels do. Each is tried both ways (SPSA, Spall
    1992), which takes two forward passes.
    """

    model: Scorer  # images (N, 3, H, W) to scores (N,)
    directions: int  # how many
    step: float  # length of a step at each pixel, in pixel units of [0, 1]
    seed: int = 0  # with the image, it determines the directions

    def __call__(self, images: Tensor) -> Tensor:
        """Return the model's scores (N,)."""
        scores: Tensor = _Estimated.apply(images, self)
        return scores

    def gradient(self, images: Tensor) -> Tensor:
        """Return the estimate (N, 3, H, W) of the scores' gradient."""
        with torch.inference_mode():
            estimate = torch.zeros_like(images)
            for number in range(self.directions):
                direction = self._direction(images, number)
                rise = self.model((images + self.step * direction).clamp(0, 1))
                rise = rise - self.model((images - self.step * direction).clamp(0, 1))
                estimate += wide(rise / (2 * self.step)) * direction
        return (estimate / self.directions).clone()

    def _direction(self, images: Tensor, number: int) -> Tensor:
        size = max(2, min(images.shape[2:]) // 2 ** (1 + number % 4))
        return patch_signs(images, size, self.seed + number)


class _Estimated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, view: FiniteDifferences) -> Tensor:
        ctx.save_for_backward(images)
        ctx.view = view
        return view.model(images.detach()).clone()

    @staticmethod
    def backward(ctx: Any, to_scores: Tensor) -> tuple[Tensor, None]:
        (images,) = ctx.saved_tensors
        return wide(to_scores) * ctx.view.gradient(images), None


@dataclass(frozen=True)
class _SeenThrough:
    model: Scorer
    logit: bool

    def __call__(self, images: Tensor) -> Tensor:
        with _SeeThrough(len(images), self.logit):
            return self.model(images)


class _Straight(torch.autograd.Function):
    """The value of one tensor with the gradient of another (BPDA with the identity)."""

    @staticmethod
    def forward(ctx: Any, differentiable: Tensor, value: Tensor) -> Tensor:
        return value.to(differentiable.dtype).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class _SeeThrough(TorchFunctionMode):
    """Every torch operation keeps its value; those that stop a gradient pass it on.

    Rounding, signs and casts to integers pass it on unchanged, `detach` and `no_grad` do nothing, and no
    tensor says that it requires a gradient. For the logit, functions are left out that saturate and have one
    element for each of N images, such as the last sigmoid.
    """

    steps: ClassVar[set[Any]] = {getattr(owner, name) for owner in (torch, Tensor) for name in _STEPS}
    steps_in_place: ClassVar[dict[Any, Any]] = {
        getattr(owner, f"{name}_"): getattr(torch, name)
        for owner in (torch, Tensor)
        for name in _STEPS
        if hasattr(owner, f"{name}_")
    }
    casts: ClassVar[set[Any]] = {
        Tensor.to, Tensor.type, Tensor.int, Tensor.long, Tensor.short, Tensor.byte, Tensor.char
    }  # fmt: skip
    stops: ClassVar[set[Any]] = {Tensor.detach, torch.detach, Tensor.data.__get__}  # type: ignore[attr-defined]
    saturating: ClassVar[set[Any]] = {
        torch.sigmoid, Tensor.sigmoid, torch.special.expit, F.sigmoid, torch.tanh, Tensor.tanh, F.tanh,
        torch.clamp, Tensor.clamp, torch.clip, Tensor.clip, F.hardtanh, F.hardsigmoid, F.relu6, F.softsign,
        torch.erf, Tensor.erf, torch.atan, Tensor.atan, torch.arctan, Tensor.arctan,
    }  # fmt: skip

    def __init__(self, images: int, logit: bool) -> None:
        super().__init__()
        self.images = images
        self.logit = logit

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a torch function, seen through."""
        kwargs = kwargs or {}
        first = args[0] if args else None
        with torch.inference_mode(False), torch.enable_grad():
            if func == Tensor.requires_grad.__get__:  # type: ignore[attr-defined]
                return False
            if not (isinstance(first, Tensor) and first.is_floating_point()):
                return func(*args, **kwargs)
            per_image = first.shape[:1] == (self.images,) == (first.numel(),)
            if self.logit and per_image and func in self.saturating:
                return first.view_as(first)
            if not first.requires_grad:
                return func(*args, **kwargs)
            if func in self.stops:
                return first.view_as(first)
            if func in self.steps:
                return _straight(first, func(first.detach(), *args[1:], **kwargs))
            if func in self.steps_in_place:
                stepped = self.steps_in_place[func](first.detach(), *args[1:], **kwargs)
                return first.copy_(_straight(first.clone(), stepped))
            if func in self.casts:
                cast = func(first.detach(), *args[1:], **kwargs)
                whole = isinstance(cast, Tensor) and not cast.is_floating_point() and cast.dtype != torch.bool
                return _straight(first, cast) if whole else func(*args, **kwargs)
            return func(*args, **kwargs)


_straight: Callable[[Tensor, Tensor], Tensor] = _Straight.apply
