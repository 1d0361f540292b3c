"""The images that are scored, and their labels."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...datasets.framing import FramedPixels
from ...datasets.pixels import to_float


@dataclass(frozen=True)
class TestData:
    """The images to score: indices into the cache, those of one shape together, and labels (NaN: none)."""

    __test__ = False  # pytest does not collect it

    cache: FramedPixels
    rows: np.ndarray
    quality: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """Number of pixels of each image (N,)."""
        return np.array([math.prod(self.cache.shape(row)) for row in self.rows.tolist()])

    def batches(self, batch_size: int, start: int = 0) -> Iterator[slice]:
        """Yield batches of images of one shape, from image number `start` on."""
        return self.cache.batches(self.rows, batch_size, start)

    def images(self, batch: slice, device: torch.device) -> Tensor:
        """Return the images (N, 3, H, W) of one batch."""
        return to_float(self.cache.test_batch(self.rows[batch].tolist()), device)

    def labels(self, batch: slice, images: Tensor) -> Tensor:
        """Return the labels (N,) of the images of a batch; 0.5, the middle, for those that have none."""
        return label_tensor(self.quality[batch], images)

    def few_images(self, device: torch.device) -> Tensor:
        """Return the first image, or the first two."""
        return self.images(next(self.batches(2)), device)


def label_tensor(quality: np.ndarray, images: Tensor) -> Tensor:
    """Return labels (N,) of images (N, 3, H, W) as an attack takes them: 0.5, the middle, for none."""
    return torch.from_numpy(np.nan_to_num(quality, nan=0.5)).to(images)
