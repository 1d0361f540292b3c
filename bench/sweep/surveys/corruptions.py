"""Scores of test images under everyday corruptions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....models.adapted.referenced import recognising
from ...core.config import Settings
from ...datasets.corruptions.everyday import CORRUPTIONS, SEVERITIES, corrupted
from ...training.random_numbers import seed_all, seed_of
from ..measuring.scoring import draws_for, mean_scores
from .shared import surveyed


@dataclass(frozen=True)
class Corrupted:
    """Scores of one model under one corruption."""

    dataset: str  # its name
    model: str  # its name, with what sets it apart from others of the settings, such as `cprl, seed 1`
    corruption: str  # one of `CORRUPTIONS`
    images: tuple[str, ...]  # (N,) names
    scores: np.ndarray  # (6, N) scores of the images as they are, and at each severity


def score_corrupted(settings: Settings, results: Path, *, show: bool = True) -> list[Corrupted]:
    """Score the test images of each model of the settings under every corruption at every severity.

    Random corruptions draw from the seed of the model and the number of the image's batch.
    """
    found = []
    for job, model, batches in surveyed(settings, results, "corruptions", show=show):
        scores = {name: np.empty((1 + len(SEVERITIES), len(job.image_names))) for name in CORRUPTIONS}
        for batch, images in batches:
            seed_all(seed_of(job.seed, batch.start, 0, 0))
            draws = draws_for(model, images)
            clean, _ = mean_scores(model, images, draws)
            for number, (name, values) in enumerate(scores.items()):
                values[0, batch] = clean
                for severity in SEVERITIES:
                    seed_all(seed_of(job.seed, batch.start, number, severity))
                    with recognising(model, images):
                        changed = corrupted(images, name, severity)
                        values[severity, batch], _ = mean_scores(model, changed, draws)
        title = job.title.removeprefix(f"{job.data.dataset.name} / ")
        found += [
            Corrupted(job.data.dataset.name, title, name, job.image_names, values)
            for name, values in scores.items()
        ]
    return found
