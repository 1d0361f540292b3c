"""IOI: one step of FGSM, of which only the weak frequencies in textured regions are kept."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ..search import Search
from ..tools.balls import Ball
from ..tools.victim import Victim

FAINTEST = 0.01  # least weight of a pixel, as a share of the largest, that is not taken for zero


@dataclass(frozen=True)
class IOI(Search):
    """The invisible attack of one iteration (Shumitskaya et al. 2024, and their code).

    With x0 the clean image and x1 = clip(x0 + epsilon sign(g)) the image of FGSM, the attacked image is

        x = project(x0 + w H(x1 - x0))

    H keeps, in each channel, the Fourier coefficients that are weak in x0: all but the `kept` share (f in the
    paper) with the largest amplitudes. w are the weights of `texture`. Their module for videos is left out.
    """

    kept: Annotated[float, Field(ge=0, lt=1)] = 0.07

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`. One gradient is asked for, at the clean images."""
        clean = victim.images
        step = ball.epsilon * ball.steepest(victim.gradient(clean))
        change = ball.project(clean + step) - clean
        return ball.project(clean + texture(clean) * weak_frequencies(change, clean, self.kept))


def texture(images: Tensor) -> Tensor:
    """Return weights (N, 3, H, W) in [0, 1]: the larger, the less a change of the pixel is seen.

    The standard deviation over the mean of 3 x 3 pixels in each channel, zero at the image's border, divided
    by the image's largest; its square root, and zero below `FAINTEST`.
    """
    mean = F.avg_pool2d(images, 3, 1)
    variance = (F.avg_pool2d(images.square(), 3, 1) - mean.square()).clamp(min=0)
    contrast = F.pad(variance.sqrt() / torch.where(mean == 0, 1, mean), (1, 1, 1, 1))
    largest = contrast.amax((1, 2, 3), keepdim=True).clamp(min=torch.finfo(contrast.dtype).tiny)
    shares = contrast / largest
    return torch.where(shares < FAINTEST, 0, shares.sqrt())


def weak_frequencies(changes: Tensor, images: Tensor, kept: float) -> Tensor:
    """Return changes (N, 3, H, W) without the frequencies that are strong in images of that shape.

    Strong are the `kept` share of the coefficients of each channel with the largest amplitudes.
    """
    amplitudes = torch.fft.fft2(images).abs()
    sorted_ones = amplitudes.flatten(2).sort(dim=2).values
    place = min(int((1 - kept) * sorted_ones.shape[2]), sorted_ones.shape[2] - 1)
    weak = amplitudes < sorted_ones[..., place, None, None] if kept else torch.ones_like(amplitudes)
    found: Tensor = torch.fft.ifft2(torch.fft.fft2(changes) * weak).real
    return found
