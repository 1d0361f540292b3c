"""Checks that no interval which an attack attained leaves the certified one of the same image."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...bench.core.errors import UserError
from ...bench.core.text import number, plural
from ...bench.statistics.certificates import certified_intervals
from ...bench.statistics.metrics import srocc
from ...bench.statistics.worst_case import worst_case_srocc
from ...bench.store.cell_file import StoredCell, read_scores
from ...bench.store.certificates.noisy_scores import ALIKE, NoisyScores, read_noisy_scores
from ...bench.store.store import Store

CONFIDENCE = 0.999
"""Confidence that all intervals of a model within one radius are right."""

_ROUNDING = 1e-6  # of scores in float32


@dataclass(frozen=True)
class Certified:
    """What an L2 attack attained within one radius, against what is certified.

    Attributes:
        title: Of the model, for people.
        attack: Its name.
        epsilon: Radius, in units of 1/255.
        outside: Names of the images whose attained interval leaves the certified one.
        images: Number of images.
        attained: Worst-case SROCC of the attained intervals.
        certified: Worst-case SROCC of the certified intervals.
    """

    title: str
    attack: str
    epsilon: float
    outside: tuple[str, ...]
    images: int
    attained: float
    certified: float

    @property
    def sentence(self) -> str:
        """What was found, in a sentence."""
        where = f"{self.title}, {self.attack} at {self.epsilon:g}/255 (L2)"
        worst = [number(value, 3) for value in (self.attained, self.certified)]
        numbers = f"worst-case SROCC {worst[0]} attained, {worst[1]} certified"
        if not self.outside:
            images = plural(self.images, "image")
            return f"holds: {where}: no interval of {images} leaves the certified one; {numbers}"
        share = f"{plural(len(self.outside), 'image')} of {self.images}"
        return (
            f"fails: {where}: the intervals of {share} leave the certified ones, such as that of "
            f"{self.outside[0]}; {numbers}"
        )


def against_certificates(store: Path) -> list[Certified]:
    """Compare each cell of an L2 attack on a smoothed model with the certificates of the same model.

    Raises:
        UserError: there is no certificate, no such cell, or a file of certificates is damaged.
    """
    noisy = list(read_noisy_scores(store))
    if not noisy:
        raise UserError(f"{store}: no certificates; `iqabench certify` computes them")
    cells = [
        cell for cell in Store(store).cells() if cell.provenance["cell"]["attack_params"].get("norm") == "l2"
    ]
    found = [_compared(scores, cell) for scores in noisy for cell in _of(scores, cells)]
    if not found:
        raise UserError(
            f'{store}: no attack with `norm = "l2"` on the models that are certified; run one with '
            "`--defences median_smoothing`"
        )
    return found


def certified_srocc(noisy: NoisyScores, radius: float) -> tuple[float, float]:
    """Return the SROCC of the median scores, and the certified worst-case SROCC within an L2 radius.

    Args:
        noisy: Noisy scores of a model.
        radius: In pixel units of [0, 1].
    """
    low, high = certified_intervals(noisy.scores, noisy.sigma, radius, confidence=_each(noisy))
    clean = srocc(noisy.quality, np.median(noisy.scores, axis=1))
    return clean, worst_case_srocc(noisy.quality, low, high).value


def _of(noisy: NoisyScores, cells: list[StoredCell]) -> Iterator[StoredCell]:
    for cell in cells:
        fields: dict[str, Any] = cell.provenance["cell"]
        if all(fields.get(name) == noisy.about[name] for name in ALIKE) and fields["knowledge"] == "adaptive":
            yield cell


def _compared(noisy: NoisyScores, cell: StoredCell) -> Certified:
    fields, scores = cell.provenance["cell"], read_scores(cell)
    if scores.images != noisy.images:
        raise UserError(f"{cell.path}: holds other images than the certificates of {noisy.title}")
    draws = int(cell.provenance.get("diagnostics", {}).get("draws", 1))
    low, high = certified_intervals(
        noisy.scores, noisy.sigma, fields["epsilon"] / 255,
        confidence=_each(noisy), samples=noisy.samples, draws=draws,
    )  # fmt: skip
    reached_low, reached_high = scores.further["low"], scores.further["high"]
    outside = (reached_low < low - _ROUNDING) | (reached_high > high + _ROUNDING)
    attained = worst_case_srocc(noisy.quality, reached_low, np.maximum(reached_low, reached_high)).value
    certified = worst_case_srocc(noisy.quality, low, high).value
    names = tuple(np.array(noisy.images)[outside].tolist())
    title, attack, epsilon = noisy.title, fields["attack"], fields["epsilon"]
    return Certified(title, attack, epsilon, names, len(noisy.images), attained, certified)


def _each(noisy: NoisyScores) -> float:
    """Return the confidence of each image's interval with which all hold together."""
    return 1 - (1 - CONFIDENCE) / len(noisy.images)
