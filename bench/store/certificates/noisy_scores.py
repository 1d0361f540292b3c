"""Noisy scores of a model's test images, from which certificates for L2 balls are computed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .files import Certificate


@dataclass(frozen=True)
class NoisyScores(Certificate):
    """Scores, under draws of normal noise, of the test images of the model behind `median_smoothing`."""

    folder = "certificates"
    facts: ClassVar = {"sigma": float, "samples": int}

    sigma: float  # standard deviation of the noise, in pixel units of [0, 1]
    samples: int  # draws whose median the smoothed model gives
    scores: NDArray[np.float64]  # (N, n) scores

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or not self.scores.size:
            raise ValueError("its scores are not as many for each image")
