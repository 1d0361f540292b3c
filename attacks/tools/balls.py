"""Balls around images, met with the pixel range [0, 1]. No point leaves its ball, rounding included."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]
LEVELS = 255  # steps between black and white in 8 bits


@dataclass(frozen=True)
class Ball(ABC):
    """The images in [0, 1] that are no further than epsilon from given ones."""

    images: Tensor  # (N, C, H, W) in [0, 1], float32 or float64
    epsilon: float  # radius, in pixel units of [0, 1]

    @abstractmethod
    def project(self, points: Tensor) -> Tensor:
        """Return points (N, C, H, W) moved into the ball and [0, 1]; a new tensor."""

    @abstractmethod
    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the directions (N, C, H, W) of norm 1 along which functions of this gradient rise most."""

    @abstractmethod
    def eight_bit(self, points: Tensor) -> Tensor:
        """Return points of the ball rounded to 256 grey levels, still in the ball.

        A distance of whole grey levels counts as its number over 255, whatever floating point makes of it.
        A pixel for which the ball holds no grey level keeps the value that it has in `images`.
        """

    def spread(self, noise: Tensor) -> Tensor:
        """Return points of the ball for noise (N, C, H, W) in [-1, 1]."""
        return self.project(self.images + self.epsilon * noise)


class LinfBall(Ball):
    """No pixel differs by more than epsilon."""

    def project(self, points: Tensor) -> Tensor:
        """See `Ball.project`."""
        return points.clamp(*ball(self.images, self.epsilon))

    def steepest(self, gradient: Tensor) -> Tensor:
        """See `Ball.steepest`."""
        return gradient.sign()

    def eight_bit(self, points: Tensor) -> Tensor:
        """See `Ball.eight_bit`."""
        tolerance = 1e-4  # of a grey level, far above rounding in float32
        centre, reach = self.images * LEVELS, self.epsilon * LEVELS
        lowest = (centre - reach - tolerance).ceil().clamp(min=0)
        highest = (centre + reach + tolerance).floor().clamp(max=LEVELS)
        levels = (points * LEVELS).round().clamp(lowest, highest)
        return torch.where(lowest <= highest, levels / LEVELS, self.images)


class L2Ball(Ball):
    """The root of the summed squared differences of an image's pixels is at most epsilon."""

    def project(self, points: Tensor) -> Tensor:
        """See `Ball.project`."""
        difference = points - self.images
        spacing = torch.finfo(points.dtype).eps
        radius = max(self.epsilon * (1 - 4 * spacing) - spacing * math.sqrt(points[0].numel()), 0.0)
        scale = (radius / norms(difference).clamp(min=torch.finfo(points.dtype).tiny)).clamp(max=1)
        return (self.images + scale * difference).clamp_(0, 1)

    def steepest(self, gradient: Tensor) -> Tensor:
        """See `Ball.steepest`."""
        tiny = torch.finfo(gradient.dtype).tiny
        largest = gradient.abs().amax((1, 2, 3), keepdim=True)
        scaled = gradient / largest.clamp(min=tiny)  # whose squares do not overflow
        return scaled / norms(scaled).clamp(min=tiny)

    def spread(self, noise: Tensor) -> Tensor:
        """See `Ball.spread`: points in random directions, at the ball's surface."""
        return self.project(self.images + self.epsilon * self.steepest(noise))

    def eight_bit(self, points: Tensor) -> Tensor:
        """See `Ball.eight_bit`. Where rounding leaves the ball, some pixels are rounded towards the image."""
        levels = (points * LEVELS).round()
        centre = self.images * LEVELS
        # Rounded towards the image, all is in the ball; then as many pixels as fit take the nearest level.
        inner = torch.where(points * LEVELS > centre, (points * LEVELS).floor().maximum(centre), centre)
        inner = torch.where(points * LEVELS < centre, (points * LEVELS).ceil().minimum(centre), inner)
        growth = ((levels - centre).square() - (inner - centre).square()).flatten(1)
        fraction = (points * LEVELS - inner).abs().flatten(1)
        order = fraction.argsort(dim=1, descending=True)
        budget = (self.epsilon * LEVELS) ** 2 * (1 - 1e-6) - (inner - centre).square().flatten(1).sum(
            1, keepdim=True
        )
        fits = torch.zeros_like(growth, dtype=torch.bool)
        fits.scatter_(1, order, growth.gather(1, order).cumsum(1) <= budget)
        chosen = torch.where(fits.view_as(levels), levels, inner)
        on_grid = chosen == chosen.round()
        return torch.where(on_grid, chosen.round() / LEVELS, self.images)


def ball_around(images: Tensor, epsilon: float, norm: Norm) -> Ball:
    """Return the ball of a norm."""
    return LinfBall(images, epsilon) if norm == "linf" else L2Ball(images, epsilon)


def norms(images: Tensor) -> Tensor:
    """Return the L2 norms (N, 1, 1, 1) of (N, C, H, W)."""
    return images.square().sum((1, 2, 3), keepdim=True).sqrt()


def wide(values: Tensor) -> Tensor:
    """Return values (N,), one for each image, as (N, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)


def displaced(images: Tensor, direction: Tensor, epsilon: float) -> Tensor:
    """Return images (N, C, H, W) moved by epsilon times a direction in [-1, 1], in the ball and in [0, 1].

    They are a new tensor, in float32 or float64 as the images; epsilon is in pixel units of [0, 1].
    """
    return torch.add(images, direction, alpha=_safe_radius(epsilon, images.dtype)).clamp_(0, 1)


def ball(images: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest value each pixel may take; clamping to them projects onto the ball.

    Both are (N, C, H, W) in [0, 1], no further than epsilon, in pixel units, from images in float32 or
    float64.
    """
    radius = _safe_radius(epsilon, images.dtype)
    return (images - radius).clamp_(min=0), (images + radius).clamp_(max=1)


def _safe_radius(epsilon: float, dtype: torch.dtype) -> float:
    # In [0, 1] floats are at most finfo.eps / 2 apart. Storing the radius and adding it each round by at
    # most half of that, so a radius smaller by one such spacing never leaves the ball. Correcting pixel by
    # pixel (nextafter) would gain 6e-8 in float32 and cost a tenth of a small model's forward pass.
    return max(epsilon - torch.finfo(dtype).eps / 2, 0.0)
