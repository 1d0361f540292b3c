"""Scores of one model on one dataset under one attack: the loop over batches, and its resumption."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ..core.files import replacing
from ..core.progress import Progress
from ..datasets.pixels import PixelCache, to_float
from ..datasets.prefetch import prefetched

if TYPE_CHECKING:
    from ...attacks.base import Attack

SAVE_EVERY = 10.0  # seconds between two saves of a measurement in progress


@dataclass(frozen=True)
class TestData:
    """The images to score: indices into the cache, and labels in [0, 1]."""

    __test__ = False  # the name is no pytest class

    cache: PixelCache
    rows: np.ndarray
    quality: np.ndarray


class Partial:
    """The scores of a measurement in progress, kept on disk so that a killed one goes on where it was."""

    def __init__(self, path: Path, epsilons: int, images: int) -> None:
        self._path = path
        self._last = time.monotonic()
        self.done = 0
        self.scores = np.full((epsilons, images), np.nan)
        self._restore()

    def save_if_due(self) -> None:
        """Save, unless the last save was a moment ago."""
        if time.monotonic() - self._last < SAVE_EVERY:
            return
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, scores=self.scores, done=self.done)
        self._last = time.monotonic()

    def discard(self) -> None:
        """The measurement is finished and stored: the file is not needed any more."""
        self._path.unlink(missing_ok=True)

    def _restore(self) -> None:
        try:
            with np.load(self._path) as saved:
                scores, done = saved["scores"], int(saved["done"])
        except (OSError, ValueError, KeyError, EOFError):
            return  # none, or not readable: as good as none
        if scores.shape == self.scores.shape:
            self.scores, self.done = scores, done


def measure(
    model: nn.Module,
    data: TestData,
    attack: "Attack | None",
    epsilons: Sequence[float],
    *,
    seed: int,
    batch_size: int,
    device: torch.device,
    partial: Partial,
    progress: Progress,
) -> np.ndarray:
    """Score every image, attacked within each epsilon.

    Args:
        model: In evaluation mode, on the device.
        data: N images and their labels.
        attack: None: the images as they are; `epsilons` is then `[0.0]`.
        epsilons: E radii in pixel units of [0, 1].
        seed: Of a stochastic model's random numbers; the attack has its own.
        batch_size: Images at once.
        device: Where the model is.
        partial: Where to keep scores meanwhile, and what is already there.
        progress: Advanced by the images scored, once for each epsilon.

    Returns:
        (E, N) scores.
    """
    progress.skip(partial.done * len(epsilons))

    starts = range(partial.done, len(data.rows), batch_size)
    batches = (data.cache.test_batch(data.rows[s : s + batch_size].tolist()) for s in starts)
    crops = prefetched(batches, device)
    for start, crop in zip(starts, crops, strict=True):
        stop = start + len(crop)
        images = to_float(crop, device)
        labels = torch.tensor(data.quality[start:stop], dtype=images.dtype, device=device)
        attacked = iter([images]) if attack is None else attack.perturb(model, images, labels, epsilons)
        for index in range(len(epsilons)):
            # A stochastic model draws the same numbers for every epsilon, and others when it is scored
            # than when it is attacked; so it does not matter which epsilons are still missing.
            torch.manual_seed(_seed(seed, start, 0))
            adversarial = next(attacked)
            torch.manual_seed(_seed(seed, start, 1))
            partial.scores[index, start:stop] = _score(model, adversarial)
            progress.advance(len(crop))
        partial.done = stop
        partial.save_if_due()
    return partial.scores


def _score(model: nn.Module, images: Tensor) -> np.ndarray:
    with torch.inference_mode():
        scores: np.ndarray = model(images).float().cpu().numpy()
    return scores


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
