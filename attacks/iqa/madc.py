"""Maximum differentiation: the score is moved as far as it goes while the squared error stays what it is."""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..search import Search, higher
from ..tools.balls import Ball, L2Ball, norms
from ..tools.victim import Victim

ROUNDING = 1e-5  # length of what rounding leaves of a gradient, as a share of its own


@dataclass(frozen=True)
class MADC(Search):
    """Ascent along the images of one mean squared error (Wang & Simoncelli 2008, and their code).

    With x0 the clean image, d = x - x0 its change, of length r, and g the gradient of the objective at x, a
    step goes along the part of g that does not change the error, and then back to the error:

        p = g - <g, d> / <d, d> d,  x' = x + length p / |p|,  x = project(x0 + r (x' - x0) / |x' - x0|)

    It starts from white Gaussian noise of that error. The length shrinks linearly from r / 2 to zero. The
    image with the highest value is kept. In the L2 ball r is epsilon. In the L-inf ball it is `share` of the
    length that a change of epsilon at every pixel has; what lies outside the ball is clipped, so the error of
    an image may be less.

    Attributes:
        steps: Gradient steps for each epsilon.
        share: Root mean squared error in units of epsilon, in the L-inf ball.
    """

    steps: Annotated[int, Field(ge=1)] = 40
    share: Annotated[float, Field(gt=0, le=1)] = 0.75

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        clean = victim.images
        radius = ball.epsilon if isinstance(ball, L2Ball) else self._length(ball.epsilon, clean)
        images = self._at(radius, clean, clean + self._noise(victim), ball)
        best, value = images, torch.full_like(clean[:, 0, 0, 0], -torch.inf)
        for number in range(self.steps + 1):
            found, gradient = victim.values_and_gradient(images)
            best, value = higher(best, value, images, found)
            along = _without(gradient, images - clean)
            length = radius / 2 * (1 - number / self.steps)
            images = self._at(radius, clean, images + length * along, ball)
        return best

    def _length(self, epsilon: float, images: Tensor) -> float:
        return self.share * epsilon * math.sqrt(images[0].numel())

    @staticmethod
    def _at(radius: float, clean: Tensor, images: Tensor, ball: Ball) -> Tensor:
        """Return images moved towards or away from the clean ones until their distance is the radius."""
        change = images - clean
        tiny = torch.finfo(change.dtype).tiny
        return ball.project(clean + radius * change / norms(change).clamp(min=tiny))

    def _noise(self, victim: Victim) -> Tensor:
        uniform = victim.noise(self.seed).clamp(-1 + 1e-6, 1 - 1e-6)
        return torch.erfinv(uniform)  # normal, up to its scale


def _without(gradient: Tensor, change: Tensor) -> Tensor:
    """Return the part of gradients (N, 3, H, W) that is orthogonal to the changes, of length 1."""
    tiny = torch.finfo(change.dtype).tiny
    scaled = gradient / gradient.abs().amax((1, 2, 3), keepdim=True).clamp(min=tiny)
    inner = (scaled * change).sum((1, 2, 3), keepdim=True)
    along = scaled - inner / change.square().sum((1, 2, 3), keepdim=True).clamp(min=tiny) * change
    least = norms(scaled) * ROUNDING  # a gradient that is all along the change leaves rounding errors
    return along / norms(along).clamp(min=tiny).maximum(least)
