"""What an attack does to one image and inside two models: the data of Figures 1, 4 and 5 of the CPRL paper.

`reports/explain/explanation.py` draws it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...attacks.fgsm import FGSM
from ...attacks.tools.balls import displaced
from ..core.config import ALL, Settings
from ..core.errors import UserError
from ..datasets.pixels import to_float
from ..sweep.job import PIXEL, Job
from ..sweep.plan import PlannedDataset
from ..sweep.runner import choose_device, trained_models, versions
from .activations import StageActivations, comparable, stage_activations
from .landscape import Landscape, landscape, random_direction
from .probe import Subject

CANDIDATES = 100  # test images, spread evenly, that the default image is chosen from


@dataclass(frozen=True)
class ShownImage:
    """The image that is explained.

    Attributes:
        path: As in the dataset's table.
        split: `train` or `test`.
        quality: Its label in [0, 1].
        pixels: (H, W, 3) in [0, 1]: what the models see.
        chosen: Why this image, as a phrase.
    """

    path: str
    split: str
    quality: float
    pixels: np.ndarray
    chosen: str


@dataclass(frozen=True)
class Origin:
    """Which trained model it is.

    Attributes:
        variant: What sets it apart from the model of its table, in a grid; else "".
        parameters: Those of its architecture.
        weights: Digest of its weights.
        regime: How it was trained.
        seed: Of its training.
    """

    variant: str
    parameters: Mapping[str, Any]
    weights: str
    regime: str
    seed: int


@dataclass(frozen=True)
class View:
    """One model's side of the explanation.

    Attributes:
        model: Its name.
        origin: Which of that name it is.
        stochastic: Whether its scores are random; they are of one draw then, which the attack did not see.
        clean: Score of the image.
        attacked: Score of the adversarial image.
        median_move: How far FGSM moves the score in the median over the test images that the image was chosen
            from; NaN where it was asked for.
        adversarial: (H, W, 3) in [0, 1]: what FGSM on this model makes of the image.
        landscape: Scores around the image.
        stages: Activations, clean and attacked; empty for a model without residual stages.
    """

    model: str
    origin: Origin
    stochastic: bool
    clean: float
    attacked: float
    median_move: float
    adversarial: np.ndarray
    landscape: Landscape
    stages: tuple[StageActivations, ...]


@dataclass(frozen=True)
class Explanation:
    """The data of Figures 1, 4 and 5.

    Attributes:
        dataset: Its name.
        stand_in: Whether it stands in for a real database.
        image: What is attacked.
        epsilon: Radius of the attack, in units of 1/255.
        views: The model to explain, then the one beside it.
        command: What computed it.
        versions: Of what computed it.
    """

    dataset: str
    stand_in: bool
    image: ShownImage
    epsilon: float
    views: tuple[View, View]
    command: str
    versions: Mapping[str, str]


def explain(
    settings: Settings, results: Path, *, image: str | None = None, command: str = "", show: bool = True
) -> Explanation:
    """Attack one image of a dataset with FGSM and look into two models while they score it.

    Args:
        settings: `[run]` holds one dataset, the model to explain and the one beside it, the attack `fgsm` and
            one epsilon. Of several seeds the first is taken.
        results: The store's folder. Models without weights are trained there, as `run` does.
        image: Path of an image as in the dataset's table, the end of such a path, or the number of a test
            image, counted from 0. Default: the one whose score FGSM moves by the median over the test images
            (of at most 100, spread evenly).
        command: To be remembered with the explanation, and with a model that it trains.
        show: Whether to show progress on standard error.

    Raises:
        UserError: the settings are not like this, there is no such image, or something is wrong with
            configuration, data or weights.
    """
    settings = _for_two_models(settings)
    (epsilon,) = settings.run.epsilons
    jobs: dict[str, Job] = {}
    subjects: dict[str, Subject] = {}
    for job, model in trained_models(settings, results, command=command, show=show):
        jobs.setdefault(job.model.name, job)
        subjects.setdefault(job.model.name, _subject(job, model))
    first, second = (subjects[name] for name in settings.run.models)
    data = jobs[first.name].data
    device = choose_device(settings.run.device)

    if image is None:
        typical = _typical_image((first, second), data, epsilon, device)
        row, chosen, medians = typical.row, typical.chosen, typical.median_moves
    else:
        row, chosen, medians = _named_image(data, image), "asked for", (math.nan, math.nan)
    pixels, labels = _batch(data, np.array([row]), device)
    views = [
        _view(subject, _origin(jobs[subject.name]), pixels, labels, epsilon, median)
        for subject, median in zip((first, second), medians, strict=True)
    ]
    mine, beside = comparable([view.stages for view in views])
    entry = data.dataset.table.iloc[row]
    return Explanation(
        dataset=data.dataset.name,
        stand_in=data.dataset.stand_in,
        image=ShownImage(
            path=str(entry["path"]),
            split=str(entry["split"]),
            quality=float(entry["quality"]),
            pixels=_picture(pixels),
            chosen=chosen,
        ),
        epsilon=epsilon,
        views=(replace(views[0], stages=mine), replace(views[1], stages=beside)),
        command=command,
        versions=versions(),
    )


def _for_two_models(settings: Settings) -> Settings:
    run = settings.run
    if ALL in (*run.datasets, *run.models) or len(run.datasets) != 1:
        raise UserError("explain takes one dataset and two models by their names, not 'all'")
    if len(set(run.models)) != 2:
        raise UserError(f"--beside {run.models[-1]}: that is the model itself; name another to compare with")
    if not run.epsilons[0] > 0:
        raise UserError(f"--epsilon {run.epsilons[0]:g}: must be above 0, in units of 1/255")
    return settings.model_copy(update={"run": run.model_copy(update={"seed": run.seed[:1]})})


def _subject(job: Job, model: nn.Module) -> Subject:
    samples = [planned.attack.eot_samples for planned in job.attacks if isinstance(planned.attack, FGSM)]
    return Subject(
        job.model.name, model, job.model.stochastic, max(samples, default=1), job.settings.run.batch_size
    )


def _origin(job: Job) -> Origin:
    return Origin(
        variant=job.model.variant,
        parameters=job.model.architecture(),
        weights=job.weights() or "",
        regime=job.settings.run.regime,
        seed=job.seed,
    )


def _view(
    subject: Subject, origin: Origin, pixels: Tensor, labels: Tensor, epsilon: float, median_move: float
) -> View:
    along = subject.fgsm_direction(pixels, labels)
    adversarial = displaced(pixels, along, epsilon * PIXEL)
    return View(
        model=subject.name,
        origin=origin,
        stochastic=subject.stochastic,
        clean=float(subject.scores(pixels)[0]),
        attacked=float(subject.scores(adversarial)[0]),
        median_move=median_move,
        adversarial=_picture(adversarial),
        landscape=landscape(subject, pixels, along, random_direction(along, origin.seed), epsilon),
        stages=stage_activations(subject, pixels, adversarial),
    )


class _Typical(NamedTuple):
    row: int
    chosen: str
    median_moves: tuple[float, float]


def _typical_image(
    subjects: tuple[Subject, Subject], data: PlannedDataset, epsilon: float, device: torch.device
) -> _Typical:
    """The test image that FGSM moves by the median of the first model: its row, why, and both medians."""
    tests = data.test_rows
    rows = tests[np.linspace(0, len(tests) - 1, min(CANDIDATES, len(tests))).round().astype(int)]
    pixels, labels = _batch(data, rows, device)
    mine, beside = (_moves(subject, pixels, labels, epsilon) for subject in subjects)
    middle = np.argsort(mine, kind="stable")[(len(rows) - 1) // 2]
    which = (
        f"{len(rows)} test images" if len(rows) == len(tests) else f"{len(rows)} of {len(tests)} test images"
    )
    return _Typical(
        int(rows[middle]),
        f"the median of {which} in how far FGSM moves the score of {subjects[0].name}",
        (float(np.median(mine)), float(np.median(beside))),
    )


def _moves(subject: Subject, pixels: Tensor, labels: Tensor, epsilon: float) -> np.ndarray:
    """How far FGSM moves each score (N,) its way: down for a label above 0.5, up for others (Eq. 5)."""
    adversarial = displaced(pixels, subject.fgsm_direction(pixels, labels), epsilon * PIXEL)
    wanted = np.where(labels.cpu().numpy() > 0.5, -1, 1)
    moves: np.ndarray = wanted * (subject.scores(adversarial) - subject.scores(pixels))
    return moves


def _named_image(data: PlannedDataset, asked: str) -> int:
    """The row of an image in the dataset's table.

    Raises:
        UserError: there is none of that name or number, or more than one.
    """
    paths = data.dataset.table["path"].astype(str).tolist()
    if asked in paths:
        return paths.index(asked)
    if asked.isdecimal():
        return _numbered_image(data, int(asked))
    wanted = PurePosixPath(asked).parts
    found = [
        row
        for row, path in enumerate(paths)
        if wanted and PurePosixPath(path).parts[-len(wanted) :] == wanted
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = " or ".join(repr(paths[row]) for row in found[:3])
        raise UserError(
            f"--image {asked}: {len(found)} images of {data.dataset.name!r} end like this: {several}"
        )
    close = get_close_matches(asked, paths, n=3, cutoff=0.3) or paths[:1]
    raise UserError(
        f"--image {asked}: no image of {data.dataset.name!r}: did you mean "
        f"{' or '.join(map(repr, close))}? A number counts the test images from 0"
    )


def _numbered_image(data: PlannedDataset, number: int) -> int:
    tests = data.test_rows
    if number >= len(tests):
        raise UserError(
            f"--image {number}: dataset {data.dataset.name!r} has {len(tests)} test images, numbered 0 to "
            f"{len(tests) - 1}"
        )
    return int(tests[number])


def _batch(data: PlannedDataset, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) in [0, 1] as models see them, and their labels (N,)."""
    images = to_float(data.cache.test_batch(rows.tolist()), device)
    quality = data.dataset.table["quality"].to_numpy()[rows]
    return images, torch.tensor(quality, dtype=images.dtype, device=device)


def _picture(images: Tensor) -> np.ndarray:
    picture: np.ndarray = images[0].permute(1, 2, 0).double().cpu().numpy()
    return picture
