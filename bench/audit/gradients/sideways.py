"""Slopes of the score in random directions, and what the gradient says of them."""

import torch

from ..evidence import RANDOM_DIRECTIONS, SMALL_STEP, Evidence
from ..finding import Measured, indicator
from .foretold import central_difference


@indicator(
    name="gradient sideways",
    threshold=0.5,
    source="finite differences, as Carlini et al. 2019 advise; Athalye et al. 2018, shattered gradients",
    advice="The gradient is that of another function, or of a part of the image: take finite differences, "
    "and look for a custom backward pass or a detached path.",
    doubtful="below",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the cosine of foretold and measured changes, over images and random directions.

    The best of the views counts. A gradient that shows only a part of the pixels, or another function, may be
    true along itself, but not across.
    """
    point, gradients = evidence.images, [gradient.double().nan_to_num() for gradient in evidence.gradients[0]]
    length = torch.full_like(evidence.clean.value, SMALL_STEP)
    together, foretold_size = torch.zeros(len(gradients)), torch.zeros(len(gradients))
    measured_size, noise = 0.0, 0.0
    for number in range(RANDOM_DIRECTIONS):
        direction = evidence.random_direction(number)
        _, measured, error = central_difference(evidence, point, direction, length, point)
        measured_size += float(measured.square().sum())
        noise += float(error.square().sum())
        for view, gradient in enumerate(gradients):
            foretold = SMALL_STEP * (gradient * direction).flatten(1).sum(1)
            together[view] += float((foretold * measured).sum())
            foretold_size[view] += float(foretold.square().sum())
    signal = measured_size - noise
    if signal <= noise:
        return Measured(None, "Not measured: random steps move no score further than its passes differ.")
    cosine = together / (foretold_size * signal).sqrt().clamp(min=1e-30)
    value = float(cosine.amax().clamp(-1, 1))
    return Measured(
        value, f"Changes along random directions have a cosine of {value:z.2f} with those that are foretold."
    )
