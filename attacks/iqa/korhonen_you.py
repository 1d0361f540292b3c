"""Korhonen and You: gradient steps that are weighted by the activity of the image around each pixel."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..search import Search, higher
from ..tools.balls import LEVELS, Ball
from ..tools.victim import Victim

LUMA = (0.299, 0.587, 0.114)
SOBEL = ((-1.0, -2.0, -1.0), (0.0, 0.0, 0.0), (1.0, 2.0, 1.0))
BETA_1, BETA_2, TINY = 0.9, 0.999, 1e-8  # of Adam


@dataclass(frozen=True)
class KorhonenYou(Search):
    """Adam on the pixels, with gradients weighted by local activity (Korhonen & You 2022, and their code).

    With a(x) the `activity` of the clean image and g the gradient of the objective to grey levels, a step is

        m = 0.9 m + 0.1 a g,  v = 0.999 v + 0.001 (a g)^2,  x = x + step m' / (sqrt(v') + 1e-8)

    where m' and v' are corrected for their start at zero. The image with the highest value is kept. The paper
    has no ball: there the step, 0.1 to 5 grey levels, sets the strength. Here each step is projected onto the
    ball. Where a is constant in time it cancels between m and v, so that it weights a step only where the
    weighted gradient is near 1e-8, and leaves pixels alone where it is zero.

    Attributes:
        steps: Gradient steps for each epsilon; the paper takes 20 to 100.
        step_size: Length of a step in pixel units of [0, 1]. Default: 2.5 epsilon / steps.
    """

    steps: Annotated[int, Field(ge=1)] = 20
    step_size: Annotated[float, Field(gt=0, le=1)] | None = None

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        weights = activity(victim.images) / LEVELS
        length = 2.5 * ball.epsilon / self.steps if self.step_size is None else self.step_size
        images = best = start
        value = torch.full_like(start[:, 0, 0, 0], -torch.inf)
        first, second = torch.zeros_like(start), torch.zeros_like(start)
        for number in range(1, self.steps + 1):
            found, gradient = victim.values_and_gradient(images)
            best, value = higher(best, value, images, found)
            weighted = weights * gradient
            first = BETA_1 * first + (1 - BETA_1) * weighted
            second = BETA_2 * second + (1 - BETA_2) * weighted.square()
            size = (second / (1 - BETA_2**number)).sqrt() + TINY
            images = ball.project(images + length * first / (1 - BETA_1**number) / size)
        return higher(best, value, images, victim.values(images))[0]


def activity(images: Tensor) -> Tensor:
    """Return the spatial activity (N, 1, H, W) in [0, 1] of images (N, 3, H, W).

    The squared length of the Sobel gradient of the luma, zero at the image's border, divided by its largest
    value, then dilated by a disc of 5 x 5 pixels without its corners. One everywhere for a flat image.
    """
    luma = (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    across = images.new_tensor(SOBEL) / 8
    kernels = torch.stack([across, across.T]).unsqueeze(1)
    slopes = F.pad(F.conv2d(luma, kernels).square().sum(1, keepdim=True), (1, 1, 1, 1))
    largest = slopes.amax((1, 2, 3), keepdim=True)
    slopes = torch.where(largest > 0, slopes / largest.clamp(min=torch.finfo(slopes.dtype).tiny), 1.0)
    tall = F.max_pool2d(slopes, (5, 3), 1, (2, 1))
    wide = F.max_pool2d(slopes, (3, 5), 1, (1, 2))
    return torch.maximum(tall, wide)
