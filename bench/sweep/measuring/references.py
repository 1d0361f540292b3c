"""The references that a full-reference metric compares a dataset's images with."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
from torch import Tensor, nn

from ....models.adapted.referenced import Referenced
from ...core.configuration.values import PIXEL
from ...core.errors import UserError
from ...datasets.framing import FramedPixels
from ...datasets.pixels import to_float
from ...store.cell import digest

if TYPE_CHECKING:
    from ..job import Job
    from ..planning.datasets import PlannedDataset


class References:
    """The undistorted images of a dataset, with pixels like those of the distorted ones.

    Raises:
        UserError: it has no references, one is missing, or one has another shape than its image.
    """

    def __init__(self, data: PlannedDataset) -> None:
        dataset = data.dataset
        if "reference" not in dataset.table:
            raise UserError(
                f"dataset {dataset.name!r} has no references for a full-reference metric; a CSV names "
                "them in a column `reference`"
            )
        self.names = dataset.table["reference"].astype(str)
        self.rows: list[int] = data.test_rows.tolist()
        for row in self.rows:
            if not os.path.isfile(dataset.root / self.names[row]):
                raise UserError(
                    f"dataset {dataset.name!r}: {self.names[row]!r}, the reference of "
                    f"{dataset.table['path'][row]!r}, is not a file in {dataset.root}"
                )
        paths = sorted({self.names[row] for row in self.rows})
        table = pd.DataFrame(
            {"path": paths, "score": 0.0, "quality": 0.0, "scene": paths, "distortion": "none"}
        )
        originals = replace(dataset, name=f"{dataset.name}-references", table=table.assign(split="test"))
        self.pixels = FramedPixels.open(originals, data.cache.framing, data.folder)
        self.place = {path: number for number, path in enumerate(paths)}
        for row in self.rows:
            image = data.cache.cache.shape(row)
            original = self.pixels.cache.shape(self.place[self.names[row]])
            if image != original:
                raise UserError(
                    f"dataset {dataset.name!r}: {dataset.table['path'][row]!r} has {image[1]} x {image[0]} "
                    f"pixels, its reference {self.names[row]!r} {original[1]} x {original[0]}"
                )

    @property
    def digest(self) -> str:
        """Return the digest of the references' pixels, and of which image each belongs to."""
        return digest([self.pixels.digest, [self.place[self.names[row]] for row in self.rows]])[:16]

    def of(self, row: int) -> Tensor:
        """Return the reference (1, 3, H, W) in [0, 1] of the image in a row of the dataset's table."""
        return to_float(self.pixels.test_batch([self.place[self.names[row]]]), "cpu")


def with_references(model: nn.Module, data: PlannedDataset) -> nn.Module:
    """Return a full-reference metric as a function of the test images of a dataset; see `References`."""
    references, rows = data.references, data.test_rows.tolist()
    images = [to_float(data.cache.test_batch([row]), "cpu") for row in rows]
    names = [references.names[row] for row in rows]
    return Referenced(model, images, names, lambda number: references.of(rows[number]))


def check_references(job: Job) -> None:
    """Check that a full-reference metric can be measured on the images of a job.

    Raises:
        UserError: as `References`; or the model is to be trained, sees patches, or two images with different
            references are nearer to one another than the largest epsilon allows.
    """
    where = f"{job.model.where}: model {job.model.name!r}"
    if job.model.fitted_by != "none":
        raise UserError(f"{where}: a full-reference metric is not trained here; give its `weights`")
    if job.data.cache.framing.patches:
        raise UserError(
            f'{where}: a full-reference metric sees no patches; say pixels = "native" or "resize"'
        )
    probe = with_references(nn.Identity(), job.data)
    assert isinstance(probe, Referenced)
    largest = max(job.settings.run.epsilons, default=0.0) * PIXEL
    if probe.reach <= largest:
        raise UserError(
            f"{where}: images of {job.data.dataset.name!r} with different references are too alike for "
            f"epsilon {largest / PIXEL:g}/255; up to {probe.reach / PIXEL:.3g}/255 they can be told apart"
        )
