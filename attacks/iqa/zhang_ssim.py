"""Zhang et al.: ascent on the score with a price on visible change."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ..search import Search
from ..tools.balls import Ball
from ..tools.victim import Victim
from ..tools.visibility import WINDOW, ssim


@dataclass(frozen=True)
class ZhangSSIM(Search):
    """Ascent on the Lagrangian v(x) - weight (1 - SSIM(x, x0)) (Zhang et al. 2022), inside the ball.

    v is the objective, such as the score, and x0 the clean image. The authors' code climbs (s -
    s0)^2 + weight SSIM by steps along the sign of the gradient (an Adam that is made anew for each
    step), and bounds visibility by the weight alone, which they find by tests with people. Its
    change of score may have either sign; here it has the sign that the objective asks for. The ball
    bounds visibility as well, so that attacks can be compared, and steps shrink linearly from 2
    epsilon / 5 to zero. In the L2 ball they are along the gradient. The image with the highest
    Lagrangian is kept, so a score may stay below what an attack without the price reaches.

    Attributes:
        steps: Gradient steps for each epsilon.
        weight: Price of 1 - SSIM, in units of the score; 0 leaves the plain ascent.
    """

    steps: Annotated[int, Field(ge=1)] = 40
    weight: Annotated[float, Field(ge=0)] = 1.0

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`. Images with a side below SSIM's window of 11 pixels have no price."""
        images = best = start
        value = torch.full_like(start[:, 0, 0, 0], -torch.inf)
        for number in range(self.steps + 1):
            found, gradient = victim.values_and_gradient(images)
            price, slope = self._price(victim.images, images)
            higher = found - price > value
            best = torch.where(higher.view(-1, 1, 1, 1), images, best)
            value = torch.where(higher, found - price, value)
            length = 0.4 * ball.epsilon * (1 - number / self.steps)
            images = ball.project(images + length * ball.steepest(gradient - slope))
        return best

    def _price(self, clean: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return weight (1 - SSIM) (N,), and its gradient (N, 3, H, W) to the images."""
        if not self.weight or min(images.shape[2:]) < WINDOW:
            return torch.zeros_like(images[:, 0, 0, 0]), torch.zeros_like(images)
        with torch.inference_mode(False), torch.enable_grad():
            pixels = images.detach().requires_grad_()
            price = self.weight * (1 - ssim(clean, pixels))
            (slope,) = torch.autograd.grad(price.sum(), pixels)
        return price.detach(), slope
