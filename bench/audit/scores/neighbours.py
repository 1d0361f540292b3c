"""A score that depends on the images that share its batch, or on how many they are."""

import torch

from ..evidence import Evidence, Mean
from ..finding import Measured, indicator
from .passes import TOLERANCE

FEW = 4  # images that are scored alone
DRAWS = 8  # of a random model


@indicator(
    name="depends on neighbours",
    threshold=TOLERANCE,
    source="Carlini et al. 2019; a score is a function of its image",
    advice="Score one image at a time, or find the layer that takes statistics of the batch: usually batch "
    "normalisation in training mode.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the largest difference between scores alone, in small batches and in other company."""
    images, few = evidence.images, evidence.images[:FEW]
    alone = [evidence.mean(image[None], DRAWS) for image in few]
    company = torch.cat([few, evidence.noisy(0.2)[:FEW], torch.zeros_like(few)])
    backwards = evidence.mean(images.flip(0), DRAWS)
    found = [
        Mean(torch.cat([mean.value for mean in alone]), torch.cat([mean.error for mean in alone])),
        evidence.mean(few, DRAWS),
        evidence.mean(company, DRAWS),
        Mean(backwards.value.flip(0), backwards.error.flip(0)),
    ]
    expected = _first(evidence.clean)
    value = max(evidence.changed(expected, _first(mean)) for mean in found)
    change = evidence.amount(value)
    return Measured(value, f"Scores change by up to {change} with the images that share the batch.")


def _first(mean: Mean) -> Mean:
    return Mean(mean.value[:FEW], mean.error[:FEW])
