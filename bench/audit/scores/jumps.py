"""Jumps of the score where the image changes by less than anyone could see."""

import torch
from torch import Tensor

from ....attacks.tools.balls import wide
from ..evidence import Evidence
from ..finding import Measured, indicator

FAR = 0.25  # amplitude of the noise at the end of the path
FRACTIONS = (0.0, 1e-5, 1e-4, 1e-3, 4e-3, 0.01, 0.02, 0.04, 0.07, 0.11, 0.17, 0.25, 0.35, 0.5, 0.7, 1.0)
CANDIDATES = 2  # intervals of each path that are halved
HALVINGS = 10


@indicator(
    name="score jumps",
    threshold=0.02,
    source="Athalye et al. 2018, shattered gradients; attainable intervals need a continuous score",
    advice="Look for answers kept for known images, rounding, or detectors of attacked images. Realise the "
    "attained scores (`iqabench.attacks.realise`) before an interval is believed.",
)
def measure(evidence: Evidence) -> Measured:
    """Measure the largest jump on paths from the images to noisy ones and to attacked ones.

    The intervals of a path over which the score changes most are halved, always towards the half that
    changes more. Of a continuous score nothing is left; a jump stays what it is. A random model is left out:
    a sampled unit that changes over makes a jump under one seed, and none in the mean.
    """
    if evidence.stochastic:
        return Measured(None, "Not measured: the model says that its passes differ.")
    ends = [evidence.noisy(FAR, seed=3), evidence.searches[0].images]
    jumps = torch.stack([_largest_jump(evidence, end) for end in ends]).amax(0) / evidence.span
    value = float(jumps.quantile(0.75))
    return Measured(
        value,
        f"A quarter of the images have a jump of at least {value:.2g} of the clean range of scores on the "
        "way to a noisy or attacked image.",
    )


def _largest_jump(evidence: Evidence, end: Tensor) -> Tensor:
    images = evidence.images

    def scored(fraction: Tensor) -> Tensor:
        return evidence.once(images + wide(fraction).to(images) * (end - images))

    count = len(images)
    grid = torch.tensor(FRACTIONS, dtype=torch.float64, device=images.device)
    scores = torch.stack([scored(fraction.expand(count)) for fraction in grid])
    largest = scores.diff(dim=0).abs().nan_to_num(nan=torch.inf).topk(CANDIDATES, dim=0).indices
    found = []
    for place in largest:
        low, high = grid[place], grid[place + 1]
        low_score, high_score = (scores.gather(0, at[None])[0] for at in (place, place + 1))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            score = scored(middle)
            first = (score - low_score).abs() >= (high_score - score).abs()
            low, low_score = torch.where(first, low, middle), torch.where(first, low_score, score)
            high, high_score = torch.where(first, middle, high), torch.where(first, score, high_score)
        found.append((high_score - low_score).abs().nan_to_num(nan=torch.inf))
    return torch.stack(found).amax(0)
