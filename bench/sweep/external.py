"""Checks adversarial images from outside, scores them, and counts them with known attacks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..core.config import Settings
from ..core.configuration.values import PIXEL
from ..core.errors import UserError
from ..datasets.decoding import Undecodable, decode_rgb, read_image_file
from ..datasets.pixels import to_float
from ..statistics.worst_case import worst_case_srocc
from ..store.cell import Cell, digest
from ..store.cell_file import Scores, read_scores
from ..store.store import Store
from ..training.random_numbers import seed_all, seed_of
from .job import Job
from .machine import choose_device, context_of
from .measuring.data import TestData
from .measuring.pictures import picture_names
from .measuring.scoring import draws_for, mean_scores
from .runner import trained_models

NAME = "external"  # the attack that a cell of images from outside names

FOLDERS = ("", "low", "high", "adversarial")
"""The folders in which images may lie, as `--save-images` writes them."""

_ROUNDING = 1e-6  # of radii and of scores
_SAME = (
    "dataset", "dataset_digest", "pixels_digest", "split_seed", "split_digest", "image_size", "pixels",
    "limit", "model", "model_params", "model_version", "model_source", "weights", "defence",
)  # fmt: skip


@dataclass(frozen=True)
class External:
    """The contribution of images from outside."""

    path: Path  # the stored cell
    files: int  # number of images
    further: int  # number of interval ends that one of them moved outwards
    before: float  # worst-case SROCC of all that was known
    after: float  # worst-case SROCC with the images


def add_external(
    settings: Settings, results: Path, folder: Path, *, norm: Literal["linf", "l2"] = "linf"
) -> External:
    """Score images from outside, and store the intervals that they and all known attacks attain together.

    Args:
        settings: One dataset, one model with one seed, and one epsilon; the model is trained if need be.
        results: The store's folder.
        folder: `NAME.png`, or `{low,high,adversarial}/NAME.png`, with the names that `--save-images` gives;
            an image may be there several times, or not at all.
        norm: Norm of the ball.

    Raises:
        UserError: more than one model or epsilon is chosen, a file belongs to no test image, has another
            size or cannot be read, or an image is outside its ball.
    """
    epsilons = settings.run.epsilons
    if len(epsilons) != 1 or epsilons[0] <= 0:
        raise UserError(f"[run]: epsilons: images belong to one epsilon above 0, found {epsilons}")
    files = [Path(kind, path.name) for kind in FOLDERS for path in sorted((folder / kind).glob("*.png"))]
    if not files:
        raise UserError(f"{folder}: no PNG files in it, nor in {', '.join(FOLDERS[1:])} under it")
    jobs = trained_models(settings, results)
    if len(jobs) != 1:
        titles = ", ".join(job.title for job, _ in jobs)
        raise UserError(f"images belong to one model, found {len(jobs)}: {titles}")
    job, model = jobs[0]
    if not job.data.dataset.labelled:
        raise UserError(
            f"dataset {job.data.dataset.name!r} has no labels; images from outside are counted in the "
            "worst-case SROCC, which needs them"
        )
    task = _Task(job, model, folder, files, float(epsilons[0]), norm, choose_device(settings.run.device))
    store = Store(results)
    clean_cell = job.clean_cell()
    clean, by = task.clean_scores(), ["clean"] * len(job.image_names)
    intervals = _Intervals(clean, clean.copy(), clean.copy(), by, [*by])
    if not np.isfinite(intervals.score).all():
        raise UserError(f"{job.title}: some scores of test images are not finite; no interval holds them")
    images = digest([[str(file), _digest(folder / file)] for file in files])
    known = list(_known(store, clean_cell, task, images))
    for _, attack, scores in known:
        intervals.include(job.image_names, attack, scores)
    before = intervals.worst_srocc(task.data.quality)
    further = sum(intervals.extend(index, score, NAME) for index, score in task.scores())
    params: dict[str, Any] = {
        "images": images,
        "known": digest(sorted(key for key, _, _ in known)),
        "norm": norm,
    }
    cell = replace(clean_cell, attack=NAME, attack_params=params, epsilon=task.epsilon)
    told = {"files": len(files), "further_ends": further, "draws": task.draws}
    path = store.write(cell, job.data.rows_of_cell(vars(intervals)), context_of(job, task.device), told)
    return External(path, len(files), further, before, intervals.worst_srocc(task.data.quality))


@dataclass(frozen=True)
class _Task:
    """Images from outside, and the model that scores them."""

    job: Job
    model: nn.Module
    folder: Path
    files: Sequence[Path]
    epsilon: float  # in units of 1/255
    norm: str
    device: torch.device

    @property
    def data(self) -> TestData:
        """The test images."""
        return self.job.data.scored

    @cached_property
    def draws(self) -> int:
        """Passes whose mean is a score."""
        seed_all(seed_of(self.job.seed, 0))
        return draws_for(self.model, self.data.few_images(self.device))

    def clean_scores(self) -> np.ndarray:
        """Return the scores (N,) of the test images."""
        size = self.job.batch_size
        batches = (self.data.images(batch, self.device) for batch in self.data.batches(size))
        return np.concatenate([mean_scores(self.model, images, self.draws)[0] for images in batches])

    def scores(self) -> Iterator[tuple[int, float]]:
        """Yield the number of the test image and the score of each file.

        Raises:
            UserError: a file belongs to no test image or cannot be read, or its image is outside the ball.
        """
        names = picture_names(self.job.image_names)
        index_of = {name: index for index, name in enumerate(names)}
        stranger = next((file for file in self.files if file.name not in index_of), None)
        if stranger is not None:
            raise UserError(
                f"{self.folder / stranger}: belongs to no test image of {self.job.title}; the names are "
                f"those that `--save-images` gives, such as {names[0]}"
            )
        files = sorted(self.files, key=lambda file: index_of[file.name])
        rows = self.data.rows[[index_of[file.name] for file in files]]
        for batch in self.data.cache.batches(rows, self.job.batch_size):
            indices = [index_of[file.name] for file in files[batch]]
            originals = to_float(self.data.cache.test_batch(rows[batch].tolist()), self.device)
            height, width = originals.shape[2:]
            pictures = [_opened(self.folder / file, height, width) for file in files[batch]]
            images = to_float(torch.stack(pictures), self.device)
            self._check(files[batch], images - originals)
            seed_all(seed_of(self.job.seed, batch.start, 1))
            yield from zip(indices, mean_scores(self.model, images, self.draws)[0].tolist(), strict=True)

    def _check(self, batch: Sequence[Path], difference: Tensor) -> None:
        flat = difference.flatten(1)
        radii = flat.abs().amax(1) if self.norm == "linf" else flat.norm(dim=1)
        for file, radius in zip(batch, radii.tolist(), strict=True):
            if radius > self.epsilon * PIXEL + _ROUNDING:
                norm = "L-inf" if self.norm == "linf" else "L2"
                raise UserError(
                    f"{self.folder / file}: outside its ball: {255 * radius:.4g}/255 from the image that is "
                    f"scored, in the {norm} norm, where {self.epsilon:g}/255 is allowed"
                )


@dataclass(frozen=True)
class _Intervals:
    """The attained intervals, and what reached their ends."""

    score: np.ndarray
    low: np.ndarray
    high: np.ndarray
    low_by: list[str]
    high_by: list[str]

    def include(self, images: Sequence[str], attack: str, scores: Scores) -> None:
        """Extend the intervals by what a stored attack reached."""
        places = {image: place for place, image in enumerate(scores.images)}
        low, high = scores.ends or (scores.score, scores.score)
        low_by, high_by = (scores.further.get(by, np.full(len(low), attack)) for by in ("low_by", "high_by"))
        for index, place in enumerate(places[image] for image in images):
            self.extend(index, float(low[place]), str(low_by[place]))
            self.extend(index, float(high[place]), str(high_by[place]))

    def extend(self, index: int, score: float, name: str) -> int:
        """Move ends of one interval outwards to a score, by more than rounding; return the number moved."""
        below, above = score < self.low[index] - _ROUNDING, score > self.high[index] + _ROUNDING
        if below:
            self.low[index], self.low_by[index] = score, name
        if above:
            self.high[index], self.high_by[index] = score, name
        return int(below) + int(above)

    def worst_srocc(self, quality: np.ndarray) -> float:
        """Return the lowest SROCC of scores chosen inside the intervals."""
        return worst_case_srocc(quality, self.low, self.high).value


def _known(store: Store, clean: Cell, task: _Task, images: str) -> Iterator[tuple[str, str, Scores]]:
    """Yield key, attack and scores of the cells whose images lie in the same ball, of the same model.

    The single score of an attack that gives no interval counts, too, unless it is one draw of a random model.
    A plugin's attack counts where its parameters say its norm. Cells of the same images from outside do not
    count.
    """
    for stored in store.cells():
        fields = stored.provenance["cell"]
        if fields["attack"] == "none" or not 0 < fields["epsilon"] <= task.epsilon:
            continue
        if any(fields.get(name) != getattr(clean, name) for name in _SAME):
            continue
        if fields["attack_params"].get("images") == images:
            continue
        if fields["attack_params"].get("norm", None if fields["attack_source"] else "linf") != task.norm:
            continue
        try:
            scores = read_scores(stored)
        except ValueError as error:
            raise UserError(f"{stored.path}: {error}") from error
        if np.isfinite(scores.score).all() and (scores.ends is not None or task.draws == 1):
            yield stored.provenance["key"], fields["attack"], scores


def _digest(path: Path) -> str:
    try:
        return sha256(read_image_file(path)).hexdigest()
    except Undecodable as error:
        raise UserError(f"{path}: cannot be read as an image: {error}") from error


def _opened(path: Path, height: int, width: int) -> Tensor:
    try:
        pixels = np.array(decode_rgb(path))
    except Undecodable as error:
        raise UserError(f"{path}: cannot be read as an image: {error}") from error
    if pixels.shape[:2] != (height, width):
        found = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
        raise UserError(f"{path}: {found}; what is scored has {width} x {height}")
    return torch.from_numpy(pixels).permute(2, 0, 1)
