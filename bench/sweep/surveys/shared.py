"""What surveys share: the loop over the images of a job, and whose images a certificate is of."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...core.progress import counted
from ...store.certificates.files import ALIKE
from ..job import Job


def batches_of(job: Job, what: str, device: torch.device, *, show: bool) -> Iterator[tuple[slice, Tensor]]:
    """Yield the images that a job scores in batches (N, 3, H, W), with their places among all of them.

    With `show` a progress bar says `what` is done.
    """
    data = job.data.scored
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
