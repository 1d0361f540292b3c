"""Makes the built-in dataset: scenes, their distorted versions, and labels."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from ...core.progress import counted
from .dead_leaves import Look, dead_leaves
from .distortions import DISTORTIONS
from .full_reference import (
    CLOSEST_TO_PEOPLE,
    METRICS,
    Metrics,
    load_metrics,
    mean_rank,
    measure,
    one_thread_per_caller,
)
from .photographs import PHOTOGRAPHS, photograph

REFERENCES = "reference"  # Folder of the pristine pictures. Each distortion has a folder of its own name.

PHOTOGRAPH_EVERY = 10
"""One scene in this many is a photograph, as long as there are any; the others are drawn."""

SPREAD = 0.2  # largest change of a strength's logarithm where strengths are those of photographs
_LOOK, _STRENGTHS = 10, 11  # streams of random numbers besides those of the drawing and the distortions


@dataclass(frozen=True)
class Scene:
    """A pristine picture that is to be made."""

    number: int  # index among the scenes
    photograph: str | None  # name of the photograph; None if the picture is to be drawn
    size: int  # height in pixels; the picture is a third wider
    seed: int  # seed of the dataset
    # whether its look and its distortions are as different as those of photographs
    like_photographs: bool = False

    @property
    def name(self) -> str:
        """Name that the files begin with."""
        return self.photograph or f"leaves-{self.number:02d}"

    def picture(self) -> npt.NDArray[np.uint8]:
        """Return the picture, (size, 4/3 size, 3) sRGB."""
        width = self.size * 4 // 3  # so that training has different crops to draw from an image
        if self.photograph is not None:
            return photograph(self.photograph, self.size, width)
        look = Look.of_a_photograph(self.randomness(_LOOK)) if self.like_photographs else None
        return dead_leaves(self.size, width, self.randomness(0), look)

    def strengths(self) -> dict[str, tuple[float, ...]]:
        """Return the strengths of each distortion, mildest first."""
        if not self.like_photographs:
            return {kind: distortion.strengths for kind, distortion in DISTORTIONS.items()}
        rng = self.randomness(_STRENGTHS)
        return {
            kind: tuple(
                strength * float(np.exp(rng.uniform(-SPREAD, SPREAD)))
                for strength in distortion.wide or distortion.strengths
            )
            for kind, distortion in DISTORTIONS.items()
        }

    def randomness(self, stream: int) -> np.random.Generator:
        """Return random numbers that depend on the seed, the scene and the stream alone."""
        return np.random.Generator(np.random.PCG64([self.seed, self.number, stream]))


def plan(scenes: int, size: int, seed: int, like_photographs: bool = False) -> Iterator[Scene]:
    """Yield the scenes of a dataset."""
    photographs = iter(PHOTOGRAPHS)
    for number in range(scenes):
        chosen = next(photographs, None) if number % PHOTOGRAPH_EVERY == 0 else None
        yield Scene(number, chosen, size, seed, like_photographs)


def generate(folder: Path, scenes: int, size: int, seed: int, like_photographs: bool = False) -> pd.DataFrame:
    """Make a dataset's images, `size` pixels high, as PNG files in sub-folders of an empty folder.

    Returns:
        A row per image: `path` relative to the folder, `score` in [0, 1] (higher is better), `scene`,
        `distortion`, `level` from 1, and the values of the metrics that the score is the mean rank of.

    Raises:
        UserError: pyiqa or scikit-image is not installed.
    """
    names = CLOSEST_TO_PEOPLE if like_photographs else tuple(METRICS)
    metrics = load_metrics(names)
    for subfolder in (REFERENCES, *DISTORTIONS):
        (folder / subfolder).mkdir()

    with one_thread_per_caller(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as workers:
        try:
            make = partial(_make_scene, folder=folder, metrics=metrics)
            made = workers.map(make, plan(scenes, size, seed, like_photographs))
            tables = list(counted(made, "making dataset 'synthetic'", scenes))
        finally:
            workers.shutdown(cancel_futures=True)  # after a failure or Ctrl-C, do not make the others
    table: pd.DataFrame = pd.concat(tables, ignore_index=True)
    table.insert(1, "score", mean_rank(table[list(names)].to_numpy()).round(6))
    return table


def _make_scene(scene: Scene, folder: Path, metrics: Metrics) -> pd.DataFrame:
    source = scene.picture()
    _save(source, folder / REFERENCES / f"{scene.name}.png")
    rows, pictures = [], []
    strengths = scene.strengths()
    for stream, (kind, distortion) in enumerate(DISTORTIONS.items(), start=1):
        for level, strength in enumerate(strengths[kind], start=1):
            # The same random numbers at every level: it is the strength alone that grows.
            picture = distortion.apply(source, strength, scene.randomness(stream))
            path = f"{kind}/{scene.name}-{level}.png"
            _save(picture, folder / path)
            rows.append((path, scene.name, kind, level))
            pictures.append(picture)
    table = pd.DataFrame(rows, columns=["path", "scene", "distortion", "level"])
    table[list(metrics)] = measure(metrics, np.stack(pictures), source)
    return table


def _save(picture: npt.NDArray[np.uint8], file: Path) -> None:
    Image.fromarray(picture).save(file, compress_level=3)
