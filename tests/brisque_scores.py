"""Scores of photographs and their distortions by the package brisque 0.2.0, kept in tests/data/brisque.

    python -m venv brisque-venv
    brisque-venv/bin/pip install "brisque[opencv-python-headless]==0.2.0" "numpy<2"
    brisque-venv/bin/python tests/brisque_scores.py

writes the file anew. It needs nothing of iqabench, and numpy below 2, as the package does. The file was made
with numpy 1.26.4, SciPy 1.17.1, scikit-image 0.26.0 and OpenCV 4.11.0.86 on an x86-64 processor: where a
picture is flat the package's scores depend on the rounding errors of these.
"""

import csv
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

FILE = Path(__file__).parent / "data" / "brisque" / "scores.csv"
PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png",
    "microaneurysms.png", "moon.png", "motorcycle_left.png", "motorcycle_right.png", "page.png", "retina.jpg",
    "rocket.jpg",
)  # fmt: skip
"""Twenty photographs in scikit-image's wheel, at full size."""

DISTORTIONS = (("none", 0.0), ("blur", 1.0), ("blur", 3.0), ("noise", 8.0), ("noise", 32.0))
"""Standard deviations: of a Gaussian filter in pixels, of white noise in grey levels."""


class Scored(NamedTuple):
    """A line of the file: `crc` is that of the pixels."""

    photograph: str
    distortion: str
    strength: float
    crc: int
    score: float


def photograph(name: str) -> np.ndarray:
    """Return a photograph of the installed scikit-image, uint8 (H, W, 3)."""
    package = find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    with Image.open(Path(package.origin).parent / "data" / name) as image:
        return np.asarray(image.convert("RGB"))


def distorted(pixels: np.ndarray, distortion: str, strength: float) -> np.ndarray:
    """Return a distorted photograph, uint8 (H, W, 3)."""
    values = pixels.astype(np.float64)
    if distortion == "blur":
        values = gaussian_filter(values, (strength, strength, 0))
    if distortion == "noise":
        values = values + np.random.default_rng(0).normal(0, strength, values.shape)
    rounded: np.ndarray = values.round().clip(0, 255).astype(np.uint8)
    return rounded


def kept() -> list[Scored]:
    """Return what the file holds."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return [
            Scored(
                row["photograph"],
                row["distortion"],
                float(row["strength"]),
                int(row["crc"]),
                float(row["score"]),
            )
            for row in csv.DictReader(lines)
        ]


def _scored() -> Iterator[Scored]:
    from brisque import BRISQUE

    metric: Any = BRISQUE(url=False)
    for name in PHOTOGRAPHS:
        for distortion, strength in DISTORTIONS:
            pixels = distorted(photograph(name), distortion, strength)
            yield Scored(
                name, distortion, strength, zlib.crc32(pixels.tobytes()), float(metric.score(pixels))
            )


if __name__ == "__main__":
    with FILE.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(Scored._fields)
        writer.writerows(_scored())
