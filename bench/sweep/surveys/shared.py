"""What surveys share: the models of the settings with their images, and whose images a certificate is of."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from ...core.config import Settings
from ...core.progress import counted
from ...store.certificates.files import ALIKE
from ..job import Job
from ..machine import choose_device
from ..runner import trained_models

Batches = Iterator[tuple[slice, Tensor]]


def surveyed(
    settings: Settings, results: Path, what: str, *, show: bool, before: Callable[[Job], None] | None = None
) -> Iterator[tuple[Job, nn.Module, Batches]]:
    """Yield each job with its trained model, and the images that it scores in batches (N, 3, H, W).

    A batch comes with its place among all of them. With `show` a progress bar says `what` is done. The other
    arguments are those of `trained_models`.
    """
    for job, model in trained_models(settings, results, show=show, before=before):
        yield job, model, _batches(job, what, show=show)


def _batches(job: Job, what: str, *, show: bool) -> Batches:
    data, device = job.data.scored, choose_device(job.settings.run.device)
    batches = [*data.batches(job.batch_size)]
    for batch in counted(batches, f"{job.title}: {what}", len(batches)) if show else batches:
        yield batch, data.images(batch, device)


class Scope(NamedTuple):
    """The model and the images of a certificate."""

    about: dict[str, Any]  # fields of the cell of clean images
    images: tuple[str, ...]  # (N,) names, in ascending order
    quality: np.ndarray  # (N,) labels in [0, 1]
    order: np.ndarray  # (N,) place of each among the images of the job

    @classmethod
    def of(cls, job: Job) -> "Scope":
        """Return the scope of a certificate of a job's model."""
        fields, names = asdict(job.clean_cell()), np.array(job.image_names)
        order = np.argsort(names)
        about = {name: fields[name] for name in (*ALIKE, "variant")}
        return cls(about, tuple(names[order].tolist()), job.data.scored.quality[order], order)
