"""Tell the time left of a sweep from what its images have taken so far."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np


class Stage(NamedTuple):
    """A part of the work whose images take about equally long."""

    kind: str  # what is done with an image: training, scoring, or an attack by its name
    model: str = ""  # the model it is done with
    job: str = ""  # what the stage belongs to; two jobs with one model and one kind share what was learnt

    @property
    def work(self) -> tuple[str, str]:
        """The kind and the model, on which the time of an image depends."""
        return self.kind, self.model


class Pace:
    """Seconds per image of each kind of work with each model, learnt while it is done.

    Work that has not begun is estimated by its rehearsal, times the ratio of measured to rehearsed time of
    the work done so far. Without a rehearsal, the time of the same kind of work with other models is taken.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._stage = Stage("")
        self._left: dict[str, dict[Stage, float]] = {}  # by job
        self._images: dict[tuple[str, str], float] = {}
        self._seconds: dict[tuple[str, str], float] = {}
        self._rehearsed: dict[tuple[str, str], float] = {}
        self.done = 0.0
        self.workers = 1  # processes that divide what is left

    @property
    def total(self) -> float:
        """Images in all: done, and left."""
        return self.done + sum(sum(stages.values()) for stages in self._left.values())

    def expect(self, job: str, images: Mapping[Stage, int]) -> None:
        """State how many images each stage of a job still has, in place of what was stated before."""
        self._left[job] = {stage: float(count) for stage, count in images.items() if count}

    def rehearsed(self, stage: Stage, seconds: float) -> None:
        """State what an image took in a rehearsal of a stage."""
        self._rehearsed[stage.work] = seconds

    def unknown(self, job: str) -> dict[Stage, float]:
        """Return the images left of those stages of a job whose pace is not known yet."""
        known = self._images.keys() | self._rehearsed.keys()
        left = self._left.get(job, {}).items()
        return {stage: images for stage, images in left if stage.work not in known}

    def begin(self, stage: Stage) -> None:
        """Count the time from now on as that of a stage."""
        self._stage = stage
        self._since = self._clock()

    def advance(self, images: float) -> None:
        """Count images of the present stage as done in the time since the last call."""
        now = self._clock()
        self.elsewhere(self._stage, images, images, now - self._since)
        self._since = now

    def skip(self, images: float) -> None:
        """Count images of the present stage as done before, in no time."""
        self.elsewhere(self._stage, images)

    def elsewhere(self, stage: Stage, images: float, timed: float = 0.0, seconds: float = 0.0) -> None:
        """Count images of a stage as done, whoever did them; negative ones have to be done again.

        `timed` of them took `seconds`, which tells of the pace.
        """
        if timed or seconds:
            self._images[stage.work] = self._images.get(stage.work, 0.0) + timed
            self._seconds[stage.work] = self._seconds.get(stage.work, 0.0) + seconds
        self.done += images
        left = self._left.get(stage.job, {})
        if stage in left:
            left[stage] = max(0.0, left[stage] - images)

    def seconds_left(self) -> float | None:
        """Return the time that the images left will take; None while nothing is known of one of them."""
        measured = {known: self._seconds[known] / count for known, count in self._images.items() if count}
        stages = (stage for left in self._left.values() for stage in left.items())
        left = [(stage.work, images) for stage, images in stages if images]
        rates = {work: self._rate(work, measured) for work in {work for work, _ in left}}
        if None in rates.values():
            return None
        return sum(images * (rates[work] or 0.0) for work, images in left) / self.workers

    def _rate(self, key: tuple[str, str], measured: Mapping[tuple[str, str], float]) -> float | None:
        """Return the seconds per image of a kind of work with a model, measured or estimated."""
        if key in measured:
            return measured[key]
        if key in self._rehearsed:
            return self._rehearsed[key] * self._correction(key[0], measured)
        alike = [rate for (kind, _), rate in measured.items() if kind == key[0]]
        return float(np.mean(alike)) if alike else None

    def _correction(self, kind: str, measured: Mapping[tuple[str, str], float]) -> float:
        """Return the ratio of measured to rehearsed seconds of a kind of work; before it began, that of all
        work.
        """
        rehearsed = {key: seconds for key, seconds in self._rehearsed.items() if seconds}
        ratios = {key: rate / rehearsed[key] for key, rate in measured.items() if rate and key in rehearsed}
        alike = [ratio for key, ratio in ratios.items() if key[0] == kind] or list(ratios.values())
        return float(np.exp(np.mean(np.log(alike)))) if alike else 1.0
