"""Adapts a network as it is to the contract of models: size of its input, normalisation, precision, range."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, FiniteFloat
from torch import Tensor, nn
from torch.nn import functional as F

from ...bench.core.errors import UserError
from .scale import Scale

Channels = Annotated[list[FiniteFloat], Field(min_length=3, max_length=3)]
Deviations = Annotated[list[Annotated[FiniteFloat, Field(gt=0)]], Field(min_length=3, max_length=3)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Side = Annotated[int, Field(ge=1)]
Size = Side | Annotated[list[Side], Field(min_length=2, max_length=2)]


class Adapter(nn.Module):
    """Gives a network what it expects of images, and maps its scores so that higher is better, in [0, 1].

    Args:
        model: From images to (N,) or (N, 1) scores.
        input_size: Side of the square, or height and width, that images are resized to inside the model.
        mean: Per-channel mean that is subtracted from pixels in [0, 1]; none by default.
        std: Per-channel deviation that they are divided by; none by default.
        precision: "bf16" computes in bfloat16 where torch's autocast does; scores are float32 again.
        score_range: Lowest and highest score, mapped linearly to 0 and 1; "unbounded" is mapped by
            (1 + s / (1 + |s|)) / 2. Absent: scores are left as they are, but for their direction.
        lower_is_better: Whether a low score means high quality.
    """

    def __init__(
        self,
        model: nn.Module,
        input_size: Size | None = None,
        mean: Channels | None = None,
        std: Deviations | None = None,
        precision: Literal["float32", "bf16"] = "float32",
        score_range: Pair | Literal["unbounded"] | None = None,
        lower_is_better: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.input_size = [input_size, input_size] if isinstance(input_size, int) else input_size
        self.low_precision = precision == "bf16"
        self.rounding = 2e-2 if self.low_precision else 0.0
        self.stochastic = bool(getattr(model, "stochastic", False))
        self.recipe = getattr(model, "recipe", "regression")
        self.scale = _scale(score_range, lower_is_better)
        self.register_buffer("mean", _channels(mean, 0.0), persistent=False)
        self.register_buffer("std", _channels(std, 1.0), persistent=False)

    def forward(self, images: Tensor, *references: Tensor) -> Tensor:
        """Return scores (N,) of images (N, 3, H, W) in [0, 1], higher is better.

        A full-reference metric is also given the references, of the same shape. Scores are of the type of
        the images, or float64 where float32 would not tell them apart.
        """
        prepared = [self._prepared(pictures) for pictures in (images, *references)]
        autocast = torch.autocast(images.device.type, torch.bfloat16) if self.low_precision else nullcontext()
        with autocast:
            scores = self.model(*prepared)
        if not isinstance(scores, Tensor) or scores.numel() != len(images):
            found = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else type(scores).__name__
            raise UserError(
                f"{type(self.model).__name__} gives {found} for {len(images)} images; it gives one "
                "score for each, shape (N,) or (N, 1)"
            )
        scores = scores.reshape(len(images))
        quality = self.scale.quality(scores if scores.dtype == torch.float64 else scores.to(images.dtype))
        return quality.to(images.dtype) if self.training else quality

    def _prepared(self, images: Tensor) -> Tensor:
        if self.input_size and list(images.shape[2:]) != self.input_size:
            images = F.interpolate(images, self.input_size, mode="bilinear", antialias=True)
        return (images - self.get_buffer("mean")) / self.get_buffer("std")

    def backward_passes(self) -> tuple[str, ...]:
        """Return the backward passes that the network offers; see `IQAModel.backward_passes`."""
        offered: Any = getattr(self.model, "backward_passes", tuple)
        return tuple(offered())

    @contextmanager
    def backward_through(self, name: str) -> Iterator[None]:
        """Take gradients through one of them; see `IQAModel.backward_through`."""
        model: Any = self.model
        with model.backward_through(name):
            yield


def _scale(score_range: Sequence[float] | str | None, lower_is_better: bool) -> Scale:
    if score_range is None:
        return Scale(0.0, 1.0, lower_is_better, "0, 1")
    if isinstance(score_range, str):
        return Scale(None, None, lower_is_better, "~, ~")
    low, high = score_range
    if not (low < high and math.isfinite(high - low)):
        raise UserError(f"key 'score_range': found [{low:g}, {high:g}], accepted is [LOW, HIGH], LOW < HIGH")
    return Scale(low, high, lower_is_better, f"{low:g}, {high:g}")


def _channels(values: Sequence[float] | None, default: float) -> Tensor:
    return torch.tensor(list(values) if values else [default] * 3).view(1, 3, 1, 1)
