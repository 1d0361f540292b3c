"""Bounds of the scores of a model's test images within L-inf balls."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .files import Certificate, Certified, read_certificates, write_certificate

_FOLDER = "bounds"


@dataclass(frozen=True)
class ScoreBounds(Certified):
    """Bounds of a model's scores over the balls around test images."""

    images: tuple[str, ...]  # (N,) names, in ascending order
    quality: NDArray[np.float64]  # (N,) labels in [0, 1]
    scores: NDArray[np.float64]  # (N,) clean scores
    radii: tuple[float, ...]  # (R,) in units of 1/255, ascending
    low: NDArray[np.float64]  # (N, R) least scores
    high: NDArray[np.float64]  # (N, R) largest scores

    def write(self, store: Path) -> Path:
        """Write the file into a store, all of it or nothing, and return its path."""
        columns: dict[str, Any] = {"image": list(self.images), "quality": self.quality, "score": self.scores}
        columns |= {"low": list(self.low), "high": list(self.high)}
        facts = {"about": self.about, "radii": self.radii}
        return write_certificate(store / _FOLDER, Certificate(pa.table(columns), facts), self.radii)


def read_score_bounds(store: Path) -> Iterator[ScoreBounds]:
    """Return what the files of a store hold; order and errors are those of `read_certificates`."""
    return read_certificates(store / _FOLDER, _understood)


def _understood(certificate: Certificate) -> ScoreBounds:
    table, facts = certificate
    low, high = (np.array(table[end].to_pylist(), dtype=np.float64) for end in ("low", "high"))
    images, quality, scores = (table[name].to_numpy() for name in ("image", "quality", "score"))
    radii = tuple(float(radius) for radius in facts["radii"])
    if {low.shape, high.shape} != {(len(images), len(radii))}:
        raise ValueError("its bounds are not as many for each image as it has radii")
    return ScoreBounds(facts["about"], tuple(images.tolist()), quality, scores, radii, low, high)
