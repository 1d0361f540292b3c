"""Choose the image that is explained: the one asked for, or one that the attack moves by the median."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

import numpy as np
import torch
from torch import Tensor

from ...attacks.tools.balls import displaced
from ..core.configuration.values import PIXEL
from ..core.errors import UserError
from ..datasets.pixels import to_float
from ..store.explanation import ExplainedImage
from ..sweep.planning.datasets import PlannedDataset
from .probe import Probe

CANDIDATES = 100  # test images, spread evenly, that the default image is chosen from


@dataclass(frozen=True)
class ChosenImage:
    """The image to explain."""

    image: ExplainedImage  # as the explanation holds it
    pixels: Tensor  # (1, 3, H, W) in [0, 1], on the device
    label: Tensor  # (1,) quality in [0, 1], on the device
    # for each model how far FGSM moves its score in the median over the candidates; NaN where the image was
    # asked for
    median_moves: tuple[float, ...]


def choose_image(
    probes: Sequence[Probe], data: PlannedDataset, asked: str | None, epsilon: float, device: torch.device
) -> ChosenImage:
    """Return the image that was asked for, or the one that FGSM moves by the median of the first model.

    An image is asked for by its path, the end of the path, or the number of a test image. Epsilon is in units
    of 1/255.

    Raises:
        UserError: there is no such image, or more than one.
    """
    if asked is None:
        row, why, medians = _typical(probes, data, epsilon, device)
    else:
        row, why, medians = _named(data, asked), "asked for", (math.nan,) * len(probes)
    pixels, label = _batch(data, np.array([row]), device)
    entry = data.dataset.table.iloc[row]
    image = ExplainedImage(
        path=str(entry["path"]),
        split=str(entry["split"]),
        quality=float(entry["quality"]),
        pixels=picture(pixels),
        chosen=why,
    )
    return ChosenImage(image, pixels, label, medians)


def picture(images: Tensor) -> np.ndarray:
    """Return the first of images (N, 3, H, W) as (H, W, 3)."""
    return images[0].permute(1, 2, 0).double().cpu().numpy()


def _typical(
    probes: Sequence[Probe], data: PlannedDataset, epsilon: float, device: torch.device
) -> tuple[int, str, tuple[float, ...]]:
    """Return the row that FGSM moves by the first model's median, why it was chosen, and all medians."""
    tests = data.test_rows
    rows = tests[np.linspace(0, len(tests) - 1, min(CANDIDATES, len(tests))).round().astype(int)]
    rows = data.cache.bucketed(rows)
    size = max(probe.batch_size for probe in probes)
    batches = (_batch(data, rows[batch], device) for batch in data.cache.batches(rows, size))
    parts = [[_moves(probe, *batch, epsilon) for probe in probes] for batch in batches]
    moves = [np.concatenate(of_model) for of_model in zip(*parts, strict=True)]
    middle = np.argsort(moves[0], kind="stable")[(len(rows) - 1) // 2]
    of_all = "" if len(rows) == len(tests) else f" of {len(tests)}"
    why = f"the median of {len(rows)}{of_all} test images in how far FGSM moves the first model's score"
    return int(rows[middle]), why, tuple(float(np.median(each)) for each in moves)


def _moves(probe: Probe, pixels: Tensor, labels: Tensor, epsilon: float) -> np.ndarray:
    """Measure how far FGSM moves each score (N,): down for a label above 0.5, up for others (Eq. 5)."""
    adversarial = displaced(pixels, probe.fgsm_direction(pixels, labels), epsilon * PIXEL)
    wanted = np.where(labels.cpu().numpy() > 0.5, -1, 1)
    moves: np.ndarray = wanted * (probe.scores(adversarial) - probe.scores(pixels))
    return moves


def _named(data: PlannedDataset, asked: str) -> int:
    """Return the row of an image in the dataset's table."""
    name, paths, tests = data.dataset.name, data.dataset.table["path"].astype(str).tolist(), data.test_rows
    if asked in paths:
        return paths.index(asked)
    if asked.isdecimal():
        if int(asked) < len(tests):
            return int(tests[int(asked)])
        numbered = f"{len(tests)} test images, numbered 0 to {len(tests) - 1}"
        raise UserError(f"--image {int(asked)}: dataset {name!r} has {numbered}")
    wanted = PurePosixPath(asked).parts
    found = [path for path in paths if wanted and PurePosixPath(path).parts[-len(wanted) :] == wanted]
    if len(found) == 1:
        return paths.index(found[0])
    if found:
        several = " or ".join(map(repr, found[:3]))
        raise UserError(f"--image {asked}: {len(found)} images of {name!r} end like this: {several}")
    close = " or ".join(map(repr, get_close_matches(asked, paths, n=3, cutoff=0.3) or paths[:1]))
    raise UserError(
        f"--image {asked}: no image of {name!r}: did you mean {close}? A number counts the test images from 0"
    )


def _batch(data: PlannedDataset, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return images (N, 3, H, W) in [0, 1] as models see them, and their labels (N,)."""
    images = to_float(data.cache.test_batch(rows.tolist()), device)
    return images, torch.tensor(data.quality_of(rows), dtype=images.dtype, device=device)
