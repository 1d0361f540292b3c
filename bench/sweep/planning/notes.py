"""Notes on a sweep that is planned: what may be meant otherwise than it is written."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..job import Job

NARROW = 0.1  # share of a scale; labels that keep to less of it are probably on another scale


def between_levels(epsilons: Sequence[float]) -> Iterator[str]:
    """Say of epsilons that are not whole numbers that no file of 8 bits holds such a perturbation."""
    if parts := [f"{epsilon:g}" for epsilon in epsilons if epsilon != round(epsilon)]:
        yield (
            f"epsilon {', '.join(parts)}: not a whole number of grey levels, so images of 8 bits cannot hold "
            "all of such a perturbation; the scores are of images in floating point"
        )


def long_steps(jobs: Sequence[Job], epsilon: float) -> Iterator[str]:
    """Say of each attack whose steps cross the whole ball that its step size may be in another unit."""
    for attack in {attack.name: attack for job in jobs for attack in job.attacks}.values():
        step = attack.params.get("step_size")
        if isinstance(step, float | int) and 255 * step > 2 * epsilon > 0:
            yield (
                f"attack {attack.name}: step_size = {step:g} is {255 * step:g}/255, more than the width of "
                f"the largest ball, {2 * epsilon:g}/255, so each step ends on its border; a step of one grey "
                f"level is {1 / 255:.4f}"
            )


def narrow_labels(jobs: Sequence[Job]) -> Iterator[str]:
    """Say of each dataset whose labels keep to a small part of their scale that the scale may be another."""
    for dataset in {job.data.dataset.name: job.data.dataset for job in jobs}.values():
        if dataset.labelled and np.ptp(dataset.table["quality"]) < NARROW:
            scores = dataset.table["score"]
            yield (
                f"{dataset.name}: labels from {scores.min():g} to {scores.max():g} take up little of the "
                f"scale from {dataset.low:g} to {dataset.high:g}, so most images count as equally good: see "
                f"`low` and `high` in [datasets.{dataset.name}]"
            )


def seen_in_training(jobs: Sequence[Job]) -> Iterator[str]:
    """Say of each dataset that models are trained for which of its test images are training images, too."""
    trained = [(job.data, job.training_data) for job in jobs if job.model.fitted_by != "none"]
    pairs = {(data.dataset.name, on.dataset.name): (data, on) for data, on in trained}
    for (name, trained_on), (data, on) in pairs.items():
        if found := data.seen_in(on):
            image, same = found[0]
            yield (
                f"{name}: {len(found)} of the test images have the pixels of training images of "
                f"{trained_on}, such as {image} of {same}: a model that has seen them has an easier test; "
                "`scene` or `split` in the table of labels keeps them on one side"
            )
