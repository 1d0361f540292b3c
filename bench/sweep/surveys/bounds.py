"""Bounds the scores of models over L-inf balls, by interval bound propagation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ....models.bounds import NoBoundsError, output_bounds
from ...core.config import Settings
from ...core.configuration.values import PIXEL
from ...core.errors import UserError
from ...datasets.pixels import to_float
from ...store.certificates.score_bounds import ScoreBounds
from ..job import Job
from .shared import Batches, Scope, surveyed


def bound_models(
    settings: Settings, results: Path, radii: list[float], *, show: bool = True
) -> list[ScoreBounds]:
    """Bound the scores of all test images within radii in units of 1/255, and keep the bounds in the store.

    Raises:
        UserError: as `trained_models`, or a model computes what there are no bounds of.
    """
    found, radii = [], sorted(set(radii))
    for job, model, batches in surveyed(settings, results, "bounds", show=show, before=_check_rules):
        with _rules_of(job):
            scores, ends = _bounded(model.double(), batches, len(job.image_names), radii)
        about, names, quality, order = Scope.of(job)
        bounded = ScoreBounds(about, names, quality, tuple(radii), scores[order], *ends[:, order])
        bounded.write(results)
        found.append(bounded)
    return found


@torch.no_grad()
def _check_rules(job: Job) -> None:
    """Raise a UserError if bounds do not apply to a model, before it is trained."""
    if job.model.full_reference or job.model.framing.patches:
        raise UserError(
            f"{job.title}: interval bounds are of no-reference models that are not scored in patches; "
            "certify this one behind median smoothing: --norm l2"
        )
    model = job.model.build_empty().eval().double()
    with _rules_of(job):
        output_bounds(model, to_float(job.example(), "cpu").double(), 0.0)


@contextmanager
def _rules_of(job: Job) -> Iterator[None]:
    """Say of which model there is an operation that there are no bounds of."""
    try:
        yield
    except NoBoundsError as error:
        raise UserError(
            f"{job.title}: interval bound propagation does not apply: {error}. Choose models of "
            "convolutions, normalisation by stored statistics, pooling and monotone activations; or "
            "certify this one behind median smoothing, which any model can be: --norm l2"
        ) from None


@torch.no_grad()
def _bounded(
    model: nn.Module, batches: Batches, count: int, radii: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores (N,) of images and their bounds (2, N, R), all in float64."""
    scores, ends = np.empty(count), np.empty((2, count, len(radii)))
    for batch, images in batches:
        scores[batch] = model(images.double()).cpu()
        for number, radius in enumerate(radii):
            bounds = output_bounds(model, images.double(), radius * PIXEL)
            ends[:, batch, number] = torch.stack(bounds).cpu()
    return scores, ends
