"""Noisy scores of a model's test images, from which certificates for L2 balls are computed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .files import Certificate, Certified, read_certificates, write_certificate

_FOLDER = "certificates"


@dataclass(frozen=True)
class NoisyScores(Certified):
    """Scores, under draws of normal noise, of the test images of the model behind `median_smoothing`."""

    sigma: float  # standard deviation of the noise, in pixel units of [0, 1]
    samples: int  # draws whose median the smoothed model gives
    images: tuple[str, ...]  # (N,) names, in ascending order
    quality: NDArray[np.float64]  # (N,) labels in [0, 1]
    scores: NDArray[np.float64]  # (N, n) scores

    def write(self, store: Path) -> Path:
        """Write the file into a store, all of it or nothing, and return its path."""
        table = pa.table({"image": list(self.images), "quality": self.quality, "scores": list(self.scores)})
        facts = {"about": self.about, "sigma": self.sigma, "samples": self.samples}
        return write_certificate(store / _FOLDER, Certificate(table, facts), self.sigma)


def read_noisy_scores(store: Path) -> Iterator[NoisyScores]:
    """Return what the files of a store hold; order and errors are those of `read_certificates`."""
    return read_certificates(store / _FOLDER, _understood)


def _understood(certificate: Certificate) -> NoisyScores:
    table, facts = certificate
    scores = np.array(table["scores"].to_pylist(), dtype=np.float64)
    images, quality = tuple(table["image"].to_pylist()), table["quality"].to_numpy()
    if scores.ndim != 2 or not scores.size:
        raise ValueError("its scores are not as many for each image")
    return NoisyScores(facts["about"], float(facts["sigma"]), int(facts["samples"]), images, quality, scores)
