"""Bounds the scores of models over L-inf balls, by interval bound propagation."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ....models.bounds import NoBoundsError, output_bounds
from ...core.config import Settings
from ...core.configuration.values import PIXEL
from ...core.errors import UserError
from ...core.progress import counted
from ...datasets.pixels import to_float
from ...store.certificates.files import ALIKE
from ...store.certificates.score_bounds import ScoreBounds
from ..machine import choose_device
from ..runner import trained_models


def bound_models(
    settings: Settings, results: Path, radii: list[float], *, command: str = "", show: bool = True
) -> list[ScoreBounds]:
    """Bound the scores of all test images within radii in units of 1/255, and keep the bounds in the store.

    Raises:
        UserError: as `trained_models`, or a model computes what there are no bounds of.
    """
    found, radii = [], sorted(set(radii))
    device = choose_device(settings.run.device)
    for job, model in trained_models(settings, results, command=command, show=show):
        rows, names = job.data.scoring_rows, np.array(job.image_names)
        scores, ends = np.empty(len(rows)), np.empty((2, len(rows), len(radii)))
        batches = [*job.data.cache.batches(rows, job.batch_size, 0)]
        title = f"{job.title}: bounds"
        for batch in counted(batches, title, len(batches)) if show else batches:
            images = to_float(job.data.cache.test_batch(rows[batch].tolist()), device).double()
            try:
                with torch.no_grad():
                    scores[batch] = model.double()(images).cpu()
                    for number, radius in enumerate(radii):
                        bounds = output_bounds(model, images, radius * PIXEL)
                        ends[:, batch, number] = torch.stack(bounds).cpu()
            except NoBoundsError as error:
                raise UserError(
                    f"{job.title}: interval bound propagation does not apply: {error}. Choose models of "
                    "convolutions, normalisation by stored statistics, pooling and monotone activations; or "
                    "certify this one behind median smoothing, which any model can be: --norm l2"
                ) from None
        _, (cell,) = next(job.cells(job.weights() or ""))
        fields, order = asdict(cell), np.argsort(names)
        bounded = ScoreBounds(
            {name: fields[name] for name in (*ALIKE, "variant")},
            tuple(names[order].tolist()),
            job.data.dataset.table["quality"].to_numpy()[rows][order],
            scores[order],
            tuple(radii),
            *ends[:, order],
        )
        bounded.write(results)
        found.append(bounded)
    return found
