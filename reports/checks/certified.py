"""Checks that no interval which an attack attained leaves the certified one of the same image."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...bench.core.errors import UserError
from ...bench.core.text import number, plural
from ...bench.statistics.certificates import certified_intervals
from ...bench.statistics.metrics import srocc
from ...bench.statistics.worst_case import worst_case_srocc
from ...bench.store.cell_file import StoredCell, read_scores
from ...bench.store.certificates.files import ALIKE
from ...bench.store.certificates.noisy_scores import NoisyScores
from ...bench.store.certificates.score_bounds import ScoreBounds
from ...bench.store.store import Store

CONFIDENCE = 0.999  # confidence that all intervals of a model within one radius are right
_ROUNDING = 1e-5  # of scores in float32

Ends = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Certified:
    """Attained intervals of an attack within one radius, against the certified ones."""

    title: str  # of the model, for people
    attack: str  # its name
    norm: str  # of the ball, "L2" or "L-inf"
    epsilon: float  # radius, in units of 1/255
    outside: tuple[str, ...]  # names of the images whose attained interval leaves the certified one
    images: int  # number of images
    attained: float  # worst-case SROCC of the attained intervals
    estimate: float  # worst-case SROCC of the certified intervals, as a search finds it

    @property
    def sentence(self) -> str:
        """The finding in a sentence."""
        where = f"{self.title}, {self.attack} at {self.epsilon:g}/255 ({self.norm})"
        worst = [number(value, 3) for value in (self.attained, self.estimate)]
        numbers = f"worst-case SROCC {worst[0]} attained, {worst[1]} estimated inside the certified intervals"
        if math.isnan(self.attained):
            numbers = "no SROCC, as the images have no labels"
        if not self.outside:
            images = plural(self.images, "image")
            return f"holds: {where}: no interval of {images} leaves the certified one; {numbers}"
        share = f"{plural(len(self.outside), 'image')} of {self.images}"
        return (
            f"fails: {where}: the intervals of {share} leave the certified ones, such as that of "
            f"{self.outside[0]}; {numbers}"
        )

    def record(self) -> dict[str, Any]:
        """Return the finding as values for JSON; None where a number is undefined."""
        values = asdict(self)
        undefined = [name for name in ("attained", "estimate") if math.isnan(values[name])]
        return {**values, **dict.fromkeys(undefined)}


def against_certificates(store: Path) -> list[Certified]:
    """Compare each cell of an attack on a certified model with the certificates of the same model.

    Raises:
        UserError: there is no certificate, no such cell, or a file of certificates is damaged.
    """
    noisy, bounds = list(NoisyScores.read(store)), list(ScoreBounds.read(store))
    if not noisy and not bounds:
        raise UserError(f"{store}: no certificates; `iqabench certify` computes them")
    cells = list(Store(store).cells())
    found = [
        *(_smoothed(scores, cell) for scores in noisy for cell in _of(scores.about, cells, "l2")),
        *(_bounded(known, cell) for known in bounds for cell in _of(known.about, cells, "linf", known.radii)),
    ]
    if not found:
        raise UserError(
            f"{store}: no attack on the models that are certified; run one for intervals within a certified "
            'radius, such as `auto`; for certificates of L2 balls one with `norm = "l2"` and `--defences '
            "median_smoothing`"
        )
    return found


def smoothed_srocc(noisy: NoisyScores) -> float:
    """Return the SROCC of the median scores."""
    return srocc(noisy.quality, np.median(noisy.scores, axis=1))


def smoothed_intervals(noisy: NoisyScores, radius: float) -> Ends:
    """Return the certified intervals of the median scores within a radius in pixel units (L2)."""
    return certified_intervals(noisy.scores, noisy.sigma, radius, confidence=_each(noisy))


def worst_inside(quality: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Return the lowest SROCC that a search finds inside intervals; NaN for images without labels."""
    return worst_case_srocc(quality, low, high).value if np.isfinite(quality).all() else math.nan


def _of(
    about: dict[str, Any], cells: list[StoredCell], norm: str, radii: tuple[float, ...] = (math.inf,)
) -> Iterator[StoredCell]:
    """Yield the cells of attacks that state their norm on a certified model, within the certified radii."""
    for cell in cells:
        fields: dict[str, Any] = cell.provenance["cell"]
        if (
            all(fields.get(name) == about[name] for name in ALIKE)
            and fields["attack_params"].get("norm") == norm
            and fields["knowledge"] != "static"
            and 0 < fields["epsilon"] <= max(radii)
        ):
            yield cell


def _smoothed(noisy: NoisyScores, cell: StoredCell) -> Certified:
    draws = int(cell.provenance.get("diagnostics", {}).get("draws", 1))
    ends = certified_intervals(
        noisy.scores, noisy.sigma, cell.provenance["cell"]["epsilon"] / 255,
        confidence=_each(noisy), samples=noisy.samples, draws=draws, lowest=-math.inf, highest=math.inf,
    )  # fmt: skip
    return _compared(noisy, cell, "L2", ends)


def _bounded(bounds: ScoreBounds, cell: StoredCell) -> Certified:
    """Compare with the bounds within the least certified radius that is no smaller than the attack's."""
    epsilon = cell.provenance["cell"]["epsilon"]
    place = next(number for number, radius in enumerate(bounds.radii) if radius >= epsilon)
    return _compared(bounds, cell, "L-inf", (bounds.low[:, place], bounds.high[:, place]))


def _compared(
    certificate: NoisyScores | ScoreBounds, cell: StoredCell, norm: str, certified: Ends
) -> Certified:
    fields, scores = cell.provenance["cell"], read_scores(cell)
    if scores.images != certificate.images:
        raise UserError(f"{cell.path}: holds other images than the certificates of {certificate.title}")
    (low, high), quality = certified, scores.quality  # its labels may have changed since it was certified
    reached_low, reached_high = scores.ends or (scores.score, scores.score)
    outside = (reached_low < low - _ROUNDING) | (reached_high > high + _ROUNDING)
    return Certified(
        title=certificate.title,
        attack=fields["attack"],
        norm=norm,
        epsilon=fields["epsilon"],
        outside=tuple(np.array(certificate.images)[outside].tolist()),
        images=len(certificate.images),
        attained=worst_inside(quality, reached_low, np.maximum(reached_low, reached_high)),
        estimate=_worst(quality, low, high),
    )


def _worst(quality: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Return the worst-case SROCC of intervals; one that nothing bounds reaches beyond all others."""
    ends = np.concatenate([low, high])
    known = ends[np.isfinite(ends)]
    floor, ceiling = (known.min() - 1, known.max() + 1) if len(known) else (0.0, 1.0)
    return worst_inside(quality, np.maximum(low, floor), np.minimum(high, ceiling))


def _each(noisy: NoisyScores) -> float:
    """Return the confidence of each image's interval with which all hold together."""
    return 1 - (1 - CONFIDENCE) / len(noisy.images)
