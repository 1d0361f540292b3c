"""The change of the score that the gradient foretells, and the change that a small step along it makes."""

import torch
from torch import Tensor

from ....attacks.tools.balls import wide
from ..evidence import SMALL_STEP, Evidence, share
from ..finding import Measured, indicator

SHARE_OF_SPAN = 0.02  # of the clean range: the change that the step should make, if the gradient is right
SHORTEST = SMALL_STEP / 500  # rounding of pixels in float32 does not matter to it
ROUNDING = 2e-6  # of a score


@indicator(
    name="gradient foretells",
    threshold=0.25,
    source="SLOPE 2021 and Gomes 2022: measured over linearly predicted change; Athalye et al. 2018, "
    "shattered gradients",
    advice="Do not believe an attack that uses this gradient. Compare it with finite differences, look for a "
    "custom backward pass, and run `square` and `transfer`.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the share of images whose score does not move as the gradient of any view says.

    A step both ways along the gradient's signs, long enough to make a fiftieth of the clean range, should
    make between half and twice the change that is foretold.
    """
    wrong = []
    for point, gradients in zip(evidence.points, evidence.gradients, strict=True):
        right = [_as_foretold(evidence, point, gradient.double().nan_to_num()) for gradient in gradients]
        wrong.append(~torch.stack(right).any(0))
    value = share(torch.stack(wrong))
    return Measured(
        value,
        f"On {value:.0%} of the images a small step along the gradient does not make the change that it "
        "foretells.",
    )


def _as_foretold(evidence: Evidence, point: Tensor, gradient: Tensor) -> Tensor:
    slope = gradient.abs().flatten(1).sum(1)
    shortest = SMALL_STEP if evidence.stochastic else SHORTEST
    length = (SHARE_OF_SPAN * evidence.span / slope.clamp(min=1e-30)).clamp(shortest, SMALL_STEP)
    foretold, measured, error = central_difference(evidence, point, gradient.sign(), length, gradient)
    larger = torch.maximum(foretold.abs(), measured.abs())
    return (foretold - measured).abs() <= 0.5 * larger + 3 * error + ROUNDING


def central_difference(
    evidence: Evidence, point: Tensor, direction: Tensor, length: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return half the change (N,) that a step both ways makes: foretold, measured, and its standard error.

    The step is from images (N, 3, H, W), of which a gradient is known, along a direction in [-1, 1]; its
    length (N,) is in pixel units.
    """
    step = wide(length).to(point) * direction.to(point)
    ahead, behind = (point + step).clamp(0, 1), (point - step).clamp(0, 1)
    up, down = evidence.mean(ahead), evidence.mean(behind)
    foretold = (gradient.double() * (ahead.double() - behind.double()) / 2).flatten(1).sum(1)
    error = (up.error.square() + down.error.square()).sqrt() / 2
    return foretold, (up.value - down.value) / 2, error
