"""Bounds of the scores of a model's test images within L-inf balls."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .files import Certificate


@dataclass(frozen=True)
class ScoreBounds(Certificate):
    """Bounds of a model's scores over the balls around test images."""

    folder = "bounds"
    facts: ClassVar = {"radii": lambda radii: tuple(map(float, radii))}

    radii: tuple[float, ...]  # (R,) in units of 1/255, ascending
    score: NDArray[np.float64]  # (N,) clean scores
    low: NDArray[np.float64]  # (N, R) least scores
    high: NDArray[np.float64]  # (N, R) largest scores

    def __post_init__(self) -> None:
        if {self.low.shape, self.high.shape} != {(len(self.images), len(self.radii))}:
            raise ValueError("its bounds are not as many for each image as it has radii")
