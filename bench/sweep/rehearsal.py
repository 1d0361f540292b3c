"""A rehearsal of a job on two images, so that the time left can be told before the work has shown it."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ..core.pace import Stage
from ..core.progress import Progress
from ..datasets.pixels import to_float
from ..store.store import Store
from ..training.fit import TrainingRun, fit
from .engines.folding import ready_to_score
from .engines.work import Measurement, training_stage
from .job import Job
from .measuring.data import label_tensor
from .measuring.search import Search
from .patches import PatchMean

IMAGES = 2  # batch normalisation cannot be trained on fewer
LARGEST_SHARE = 0.02  # of a stage's images that a rehearsal may take


def rehearse(job: Job, left: Mapping[Stage, float], device: torch.device) -> Iterator[tuple[Stage, float]]:
    """Yield the stages of a job that are long enough for a rehearsal, and the seconds it took an image."""
    train = _long_enough(training_stage(job), 1, left)
    store = Store(job.results)
    works = [Measurement(job, attack, cells, store, None) for attack, cells in job.cells("") if cells]
    works = [work for work in works if _long_enough(work.stage, len(work.cells), left)]
    if job.model.full_reference or (not train and not works):  # which would ask for whole pictures
        return
    model = job.model.build() if job.model.fitted_by == "none" else job.model.build_empty()
    if train:
        yield training_stage(job), _seconds_of_training(job, model, device)
    rows = job.data.test_rows[:IMAGES]
    images = to_float(job.data.cache.centres(rows.tolist()), device)
    labels = label_tensor(job.data.quality_of(rows), images)
    model = ready_to_score(model, images, job.settings.run.precision)
    if job.model.framing.patches:
        model = PatchMean(model, job.model.framing.patches)
    if job.model.defence:
        model = job.model.defence.around(model).to(device)
    for work in works:
        # Any source model takes as long as this one.
        attack = work.attack and work.attack.ready(lambda: model, lambda _: images)
        yield work.stage, _seconds_of_scoring(work.search(model, attack, device), images, labels)


def _long_enough(stage: Stage, epsilons: int, left: Mapping[Stage, float]) -> bool:
    return IMAGES * epsilons <= LARGEST_SHARE * left.get(stage, 0.0)


def _seconds_of_training(job: Job, model: nn.Module, device: torch.device) -> float:
    data, chosen = job.data.training, slice(IMAGES)
    few = replace(
        data,
        rows=data.rows[chosen],
        quality=data.quality[chosen],
        distributions=None if data.distributions is None else data.distributions[chosen],
    )
    for epochs in (1, 2):  # the first step of a process takes longer; of CPRL's steps two are alike
        settings = job.settings.training.model_copy(update={"epochs": epochs, "batch_size": IMAGES})
        with tempfile.TemporaryDirectory() as folder:
            snapshot = Path(folder, "snapshot")
            began = time.monotonic()
            fit(
                model,
                TrainingRun(few, settings, job.regime(), job.seed, device, snapshot, Progress(show=False)),
            )
            seconds = time.monotonic() - began
    return seconds / (epochs * IMAGES)


def _seconds_of_scoring(search: Search, images: torch.Tensor, labels: torch.Tensor) -> float:
    if getattr(search.attack, "intervals", False):
        search = replace(search, epsilons=search.epsilons[:1])  # it is long, and as long for every epsilon
    began = time.monotonic()
    for _ in search.measured(0, images, labels, {}):
        pass
    return (time.monotonic() - began) / (len(images) * len(search.epsilons))
