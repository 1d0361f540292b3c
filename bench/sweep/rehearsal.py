"""A rehearsal of a job on two images, so that the time left can be told before the work has shown it."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ..core.configuration.values import PIXEL
from ..core.pace import Stage
from ..core.progress import Progress
from ..datasets.pixels import to_float
from ..training.fit import TrainingRun, fit
from .engines.folding import ready_to_score
from .job import Job
from .measuring.data import label_tensor
from .measuring.ends import Tally, attacked_ends
from .patches import PatchMean
from .plan import PlannedAttack
from .workload import scoring_stage, training_stage

IMAGES = 2  # batch normalisation cannot be trained on fewer
LARGEST_SHARE = 0.02  # of a stage's images that a rehearsal may take


def rehearse(job: Job, left: Mapping[Stage, float], device: torch.device) -> Iterator[tuple[Stage, float]]:
    """Yield the stages of a job that are long enough for a rehearsal, and the seconds it took an image."""
    train = _long_enough(training_stage(job), 1, left)
    attacks = [
        (attack, stage, [cell.epsilon * PIXEL for cell in cells])
        for attack, cells in job.cells("")
        if cells and _long_enough(stage := scoring_stage(job, attack, cells), len(cells), left)
    ]
    if job.model.full_reference or (not train and not attacks):  # which would ask for whole pictures
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
    for attack, stage, epsilons in attacks:
        planned = attack and attack.searching(model)  # of any source model: it takes as long
        planned = planned and planned.learning(lambda _: images)
        yield stage, _seconds_of_scoring(model, images, labels, planned, epsilons)


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


def _seconds_of_scoring(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    attack: PlannedAttack | None,
    epsilons: list[float],
) -> float:
    if attack is not None and getattr(attack.attack, "intervals", False):
        epsilons = epsilons[:1]  # a search is long, and as long for every epsilon
        batches: Iterable[torch.Tensor] = (
            end
            for ends in attacked_ends(attack.attack, attack.name, model, images, labels, epsilons, Tally())
            for end in (ends.low_images, ends.high_images)
        )
    else:
        batches = [images] if attack is None else attack.attack.perturb(model, images, labels, epsilons)
    began = time.monotonic()
    with torch.inference_mode():
        for batch in batches:
            model(batch).cpu()
    return (time.monotonic() - began) / (len(images) * len(epsilons))
