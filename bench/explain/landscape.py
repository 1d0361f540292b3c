"""The scores around an image, in the plane of its FGSM direction and a random one (CPRL, Figure 4)."""

import numpy as np
import torch
from torch import Tensor

from ...attacks.tools.balls import displaced
from ...models.adapted.referenced import recognising
from ..core.configuration.values import PIXEL
from ..store.explanation import Landscape
from .probe import Probe

REACH = 2  # of the plane to either side, in epsilons
STEPS_PER_EPSILON = 5


def landscape(probe: Probe, image: Tensor, along: Tensor, across: Tensor, epsilon: float) -> Landscape:
    """Score clamp(x + s u + t v) over a grid of 21 steps s and 21 steps t from -2 epsilon to 2 epsilon.

    The image x and the directions u, that of FGSM, and v, a random one, are (1, 3, H, W). Epsilon is in units
    of 1/255; (epsilon, 0) is the image that FGSM makes within it.
    """
    reach = REACH * STEPS_PER_EPSILON
    steps = np.arange(-reach, reach + 1) / STEPS_PER_EPSILON  # in epsilons: 0 and 1 are exact
    rows = []
    with recognising(probe.model, image):
        for up in steps:
            directions = torch.cat([float(right) * along + float(up) * across for right in steps])
            rows.append(probe.scores(displaced(image, directions, epsilon * PIXEL)))
    return Landscape(steps * epsilon, np.stack(rows))


def random_direction(along: Tensor, seed: int) -> Tensor:
    """Draw a direction (1, 3, H, W) at a right angle to another: random signs, made so by Gram-Schmidt.

    A random sign for each pixel and channel is what FGSM would step along if its gradient knew nothing. The
    part of it that lies along the other direction is taken off (Euclidean inner product over all pixels and
    channels, in double precision) and the rest scaled to an L-inf norm of 1, as FGSM's direction has it.
    Between two directions of signs little is taken off, so the Euclidean norms are about the same too. The
    same seed gives two models the same signs.
    """
    generator = torch.Generator().manual_seed(seed)
    signs = 2 * torch.randint(0, 2, along.shape, generator=generator).double() - 1
    first = along.detach().double().cpu()
    length = first.square().sum()
    across = signs - (signs * first).sum() / length * first if length > 0 else signs
    return (across / across.abs().max()).to(along)
