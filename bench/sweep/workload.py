"""The stages of a job, and counts of the images that it trains on."""

from collections.abc import Sequence

from ..core.pace import Stage
from ..store.cell import Cell
from .job import Job
from .plan import PlannedAttack

TRAINING, SCORING = "training", "scoring"


def training_stage(job: Job) -> Stage:
    """Return the stage in which a job's model is trained."""
    return _stage(job, TRAINING)


def scoring_stage(job: Job, attack: PlannedAttack | None, cells: Sequence[Cell]) -> Stage:
    """Return the stage in which cells of a job's model are scored; an image counts for each epsilon."""
    kind = attack.name if attack else SCORING
    knowledge = next((cell.knowledge for cell in cells), None)
    return _stage(job, f"{kind}, {knowledge}" if knowledge else kind)


def images_to_train(job: Job) -> dict[Stage, int]:
    """Return how many images the training of a job's model has, an image counted in each epoch.

    None where it has weights, or where another job trains it.
    """
    if job.weights() is not None or job.home is not job:
        return {}
    training = job.settings.training
    steps = training.epochs * job.data.training.steps(training.batch_size)
    return {training_stage(job): steps * training.batch_size}


def epsilons_to_run(cells: Sequence[Cell]) -> list[float]:
    """Return the epsilons of the cells, with the smaller ones that a nested search starts from."""
    return sorted({epsilon for cell in cells for epsilon in (*cell.smaller_epsilons, cell.epsilon)})


def _stage(job: Job, kind: str) -> Stage:
    return Stage(kind, f"{job.model.name} {job.variant}", job.title)
