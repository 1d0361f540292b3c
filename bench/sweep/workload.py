"""Counts of the images that a job still has to train on, score and attack."""

from collections.abc import Callable, Sequence

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


def images_left(job: Job, done: Callable[[Job, Cell], bool], *, score: bool) -> dict[Stage, int]:
    """Return how many images each stage of a job still has, an image counted in each epoch and each cell.

    Args:
        job: The job.
        done: Whether a cell need not be computed.
        score: Whether cells are wanted, or only the trained model.
    """
    weights = job.weights()
    left = {}
    if weights is None and job.home is job:  # else another job trains it
        training = job.settings.training
        steps = training.epochs * job.data.training.steps(training.batch_size)
        left[training_stage(job)] = steps * training.batch_size
    for attack, cells in job.cells(weights or "") if score else ():
        missing = cells if weights is None else [cell for cell in cells if not done(job, cell)]
        stage = scoring_stage(job, attack, cells)
        left[stage] = len(epsilons_to_run(missing)) * len(job.data.test_rows)
    return left


def epsilons_to_run(cells: Sequence[Cell]) -> list[float]:
    """Return the epsilons of the cells, with the smaller ones that a nested search starts from."""
    return sorted({epsilon for cell in cells for epsilon in (*cell.smaller_epsilons, cell.epsilon)})


def _stage(job: Job, kind: str) -> Stage:
    return Stage(kind, f"{job.model.name} {job.variant}", job.title)
