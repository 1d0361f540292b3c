"""A quality model shown to a classification attack, so that what raises its loss raises our objective.

Let v(x) be the objective of an image x, such as its score s(x) (`ascend`) or -s(x) (`descend`), and let v0 be
its value at the clean image. The classifier has two logits, and the true class is always the first:

    z(x) = (-u, u)        u = v(x) - v0

Cross-entropy with the first class is log(1 + exp(2u)). It increases strictly with v, and its gradient is
2 sigmoid(2u) grad v: that of the objective times a positive number for each image, which is 1 at the clean
image. So an attack that steps along a sign or a normalised gradient steps as it would on v itself. The margin
z_2 - z_1 is 2u. Without v0 a score of 100 on an unbounded scale would leave the factor sigmoid(-200), which
is zero in float32.

The score of a model whose passes differ is the mean over the victim's passes, and so is its gradient (EOT).
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..tools.balls import wide
from ..tools.gradient import differentiable_scores, values_and_gradient
from ..tools.objectives import ascend
from ..tools.victim import SearchRecord, Victim


class ScoreClassifier(nn.Module):
    """The two logits of a quality model under an objective, whose values (N,) at the images are given."""

    def __init__(self, victim: Victim, clean: Tensor) -> None:
        super().__init__()
        self._victim = victim
        self._clean = clean
        self.place = nn.Parameter(torch.zeros(0, device=victim.images.device))  # tells the device

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (M, 2) of images (M, 3, H, W): the victim's, or M versions of its one."""
        pixels = images.to(self._victim.images.dtype)
        if pixels.requires_grad:
            pixels = _watched(pixels, self._victim.record)
            scores = self._differentiable(pixels)
        elif self._victim.eot_samples > 1:
            scores = self._victim.scores(pixels)
        else:
            scores = self._victim.model(pixels)
        rise = (self._victim.objective(scores, self._victim.labels) - self._clean).float()
        return torch.stack([-rise, rise], dim=1)

    def _differentiable(self, pixels: Tensor) -> Tensor:
        if self._victim.eot_samples == 1:
            return differentiable_scores(self._victim.model, pixels)
        averaged: Tensor = _Averaged.apply(pixels, self._victim)
        return averaged


class _Averaged(torch.autograd.Function):
    """The mean scores over several passes, and their gradient, for the memory of one."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, victim: Victim) -> Tensor:
        scores, gradient = values_and_gradient(
            victim.model, images, victim.labels, ascend, victim.eot_samples
        )
        ctx.save_for_backward(gradient)
        return scores

    @staticmethod
    def backward(ctx: Any, to_scores: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return wide(to_scores).to(gradient) * gradient, None


class _Watched(torch.autograd.Function):
    """The images, whose gradients are counted and made finite."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, record: SearchRecord) -> Tensor:
        ctx.record = record
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.record.checked(gradient.new_zeros(len(gradient)), gradient.clone()), None


def _watched(images: Tensor, record: SearchRecord) -> Tensor:
    watched: Tensor = _Watched.apply(images, record)
    return watched
