"""Scores a model under noise, so that certificates of median smoothing can be computed."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ....models.adapted.referenced import recognising
from ....models.defences.base import Defended
from ....models.defences.geometry.median_smoothing import MedianSmoothing
from ...core.config import Settings
from ...core.errors import UserError
from ...store.certificates.noisy_scores import NoisyScores
from ...training.precision import tf32_where
from ...training.random_numbers import seed_all, seed_of
from ..measuring.scoring import plain_scores
from .shared import Scope, surveyed

SMOOTHING = "median_smoothing"


@tf32_where("fp32")
def certify_models(settings: Settings, results: Path, draws: int, *, show: bool = True) -> list[NoisyScores]:
    """Score the test images of each model of the settings under noise, and keep the scores in the store.

    The first defence of each model is `median_smoothing`; each image gets `draws` noisy scores. The command
    line is kept with what is trained.

    Raises:
        UserError: something in configuration, data or weights is wrong, or a defence is another one.
    """
    found = []
    for job, model, batches in surveyed(settings, results, "noisy scores", show=show):
        steps: list[Any] = list(model.steps) if isinstance(model, Defended) else []
        if not isinstance(model, Defended) or not isinstance(smoothing := steps[0], MedianSmoothing):
            raise UserError(f"{job.title}: only a model behind `{SMOOTHING}` can be certified")
        base = Defended(model.model, steps[1:]).eval()
        scores = np.empty((len(job.image_names), draws))
        for batch, images in batches:
            seed_all(seed_of(job.seed, batch.start, 4))
            with torch.inference_mode(), recognising(base, images):
                for draw in range(draws):
                    scores[batch, draw] = plain_scores(base, smoothing(images))
        about, names, quality, order = Scope.of(job)
        noisy = NoisyScores(about, names, quality, smoothing.sigma, smoothing.samples, scores[order])
        noisy.write(results)
        found.append(noisy)
    return found
