"""Interval bound propagation: bounds of a network's output over a box of inputs.

Gowal, Dvijotham, Stanforth, Bunel, Qin, Uesato, Arandjelovic, Mann and Kohli, "On the Effectiveness of
Interval Bound Propagation for Training Verifiably Robust Models", 2018. An affine layer with weights W takes
a box of centre c and radius r to one of

    centre W c + b    and    radius |W| r;

a monotone function is applied to both ends. The box that results holds every output, and more, for bounds
grow with each layer. For an affine network they are exact.
"""

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SILU_LOWEST = -1.2784645427610738  # where x sigmoid(x) is least
GELU_LOWEST = -0.7517915246935645  # where x Phi(x) is least
GELU_TANH_LOWEST = -0.7524614220710163  # where its approximation by tanh is

Map = Callable[[Tensor], Tensor]


class NoBoundsError(TypeError):
    """A network computes what there is no rule for."""


class Interval:
    """A box of tensors, which stands in for a tensor in the forward pass of a network in evaluation mode."""

    def __init__(self, low: Tensor, high: Tensor) -> None:
        self.low = low  # least values
        self.high = high  # largest values, of the same shape

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> "Interval":
        rule = _RULES.get(function)
        if rule is None:
            name = getattr(function, "__name__", type(function).__name__)
            raise NoBoundsError(f"no bounds are known of `{name}`")
        return rule(*args, **(kwargs or {}))

    @property
    def shape(self) -> torch.Size:
        """Shape of the tensors."""
        return self.low.shape

    @property
    def ndim(self) -> int:
        """Number of their dimensions."""
        return self.low.ndim

    @property
    def requires_grad(self) -> bool:
        """Whether the tensors carry a gradient."""
        return self.low.requires_grad

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.low.ndim

    def each(self, function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> "Interval":
        """Return the ends after a function that rises with each value."""
        return Interval(function(self.low, *args, **kwargs), function(self.high, *args, **kwargs))

    def affine(self, of_centre: Map, of_radius: Map) -> "Interval":
        """Return the box after an affine function: it, and it with absolute weights and no constant."""
        centre = of_centre((self.low + self.high) / 2)
        radius = of_radius((self.high - self.low) / 2)
        return Interval(centre - radius, centre + radius)

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return lambda *args, **kwargs: self.each(getattr(torch.Tensor, name), *args, **kwargs)
        raise AttributeError(f"an interval has no {name!r}")

    def __add__(self, other: Any) -> "Interval":
        low, high = (other.low, other.high) if isinstance(other, Interval) else (other, other)
        return Interval(self.low + low, self.high + high)

    __radd__ = __iadd__ = __add__

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Any) -> "Interval":
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> "Interval":
        return self.__neg__().__add__(other)

    def __mul__(self, other: Any) -> "Interval":
        if isinstance(other, Interval):
            raise NoBoundsError("no bounds are known of the product of two features")
        ends = self.low * other, self.high * other
        return Interval(torch.minimum(*ends), torch.maximum(*ends))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Interval":
        if isinstance(other, Interval):
            raise NoBoundsError("no bounds are known of the quotient of two features")
        return self.__mul__(1 / other)


def output_bounds(model: nn.Module, images: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return bounds (N,), (N,) of a model's scores over the L-inf balls around images (N, 3, H, W).

    They hold up to rounding; with a model and images in float64 that is far below the differences of scores.
    The model is in evaluation mode, images are in [0, 1], and epsilon is in their units.

    Raises:
        NoBoundsError: the model computes what there is no rule for. An error that it raises for images, too,
            is raised as it is.
    """
    ball: Any = Interval((images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1))
    try:
        found = model(ball)
        return found.low, found.high
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # code that takes an `Interval` for a tensor may raise any
        with torch.no_grad():
            model(images)
        raise NoBoundsError(f"{error}{_layer_of(model, error)}") from error


def _layer_of(model: nn.Module, error: Exception) -> str:
    """Name the innermost module of a model that was at work when an error was raised, and its line."""
    names = {module: name for name, module in model.named_modules()}
    for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module) and module in names and not frame.f_code.co_name.startswith("_"):
            layer = f"layer {names[module]!r}, " * bool(names[module]) + type(module).__name__
            own = not frame.f_globals["__name__"].startswith("torch.")
            return f" (in {layer}{f': {frame.f_code.co_filename}, line {line}' * own})"
    return ""


def _linear(box: Interval, weight: Tensor, bias: Tensor | None = None) -> Interval:
    return box.affine(
        lambda centre: F.linear(centre, weight, bias), lambda radius: F.linear(radius, weight.abs())
    )


def _conv2d(box: Interval, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any) -> Interval:
    return box.affine(
        lambda centre: F.conv2d(centre, weight, bias, *args, **kwargs),
        lambda radius: F.conv2d(radius, weight.abs(), None, *args, **kwargs),
    )


def _batch_norm(
    box: Interval,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Interval:
    if training or mean is None or variance is None:
        raise NoBoundsError("no bounds are known of batch normalisation by the statistics of a batch")
    scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - mean * scale
    wide = (1, -1, *[1] * (box.ndim - 2))
    return box * scale.view(wide) + shift.view(wide)


def _dropout(box: Interval, p: float = 0.5, training: bool = True, inplace: bool = False) -> Interval:
    if training:
        raise NoBoundsError("no bounds are known of dropout in training mode")
    return box


def _rising(function: Callable[..., Tensor]) -> Callable[..., Interval]:
    def rule(box: Interval, *args: Any, **kwargs: Any) -> Interval:
        kwargs.pop("inplace", None)
        return box.each(function, *args, **kwargs)

    return rule


def _leaky_relu(box: Interval, negative_slope: float = 0.01, inplace: bool = False) -> Interval:
    if negative_slope < 0:
        raise NoBoundsError("no bounds are known of `leaky_relu` with a negative slope")
    return box.each(F.leaky_relu, negative_slope)


def _elu(box: Interval, alpha: float = 1.0, inplace: bool = False) -> Interval:
    if alpha < 0:
        raise NoBoundsError("no bounds are known of `elu` with a negative alpha")
    return box.each(F.elu, alpha)


def _falling_then_rising(function: Callable[..., Tensor], lowest: float) -> Callable[..., Interval]:
    """Return the rule of a function that is least at one point, falls before it and rises after it."""

    def rule(box: Interval, *args: Any, **kwargs: Any) -> Interval:
        kwargs.pop("inplace", None)
        ends = function(box.low, *args, **kwargs), function(box.high, *args, **kwargs)
        nearest = torch.full_like(box.low, lowest).maximum(box.low).minimum(box.high)
        return Interval(function(nearest, *args, **kwargs), torch.maximum(*ends))

    return rule


def _gelu(box: Interval, approximate: str = "none") -> Interval:
    lowest = GELU_LOWEST if approximate == "none" else GELU_TANH_LOWEST
    return _falling_then_rising(F.gelu, lowest)(box, approximate=approximate)


_METHODS = ("mean", "sum", "squeeze", "flatten", "view", "reshape", "clamp", "contiguous", "sigmoid", "relu")
_RULES: dict[Any, Callable[..., Interval]] = {
    F.linear: _linear,
    F.conv2d: _conv2d,
    F.batch_norm: _batch_norm,
    F.dropout: _dropout,
    F.elu: _elu,
    F.leaky_relu: _leaky_relu,
    F.silu: _falling_then_rising(F.silu, SILU_LOWEST),
    F.gelu: _gelu,
    **{
        function: _rising(function)
        for function in (
            F.relu, F.softplus, F.hardtanh, F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d,
            torch.relu, torch.sigmoid, torch.tanh, torch.flatten, torch.squeeze, torch.mean, torch.sum,
            torch.clamp,
        )
    },
}  # fmt: skip
