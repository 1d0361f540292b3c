"""Pieces of a sweep: cells that are measured together, the parts they are divided into, and their lock."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import torch
from filelock import FileLock
from torch import nn

from ....models.defences.base import Defended
from ...core.configuration.values import PIXEL
from ...core.files import lock_on, safe_name
from ...core.pace import Stage
from ...store.cell import Cell, digest
from ...store.store import Store
from ..job import STATIC, Job
from ..measuring.data import TestData
from ..measuring.partial import Partial
from ..measuring.pictures import Pictures
from ..measuring.search import Search
from ..plan import CLEAN, PlannedAttack

KEPT_FOR = 7 * 24 * 3600
"""Seconds that an interrupted measurement is kept when another one of its attack and model is finished."""


@dataclass(frozen=True)
class Measurement:
    """Cells of one attack on one job's model, which are computed together."""

    job: Job
    attack: PlannedAttack | None  # None where the images are scored as they are
    cells: list[Cell]  # what is to be computed, with ascending epsilons
    store: Store
    save_images: Path | None  # folder for adversarial images, if they are to be saved

    @property
    def name(self) -> str:
        """Name of the attack."""
        return self.attack.name if self.attack else CLEAN

    @property
    def knowledge(self) -> str | None:
        """The attack's knowledge of a defence."""
        return self.cells[0].knowledge

    @property
    def shown_name(self) -> str:
        """Name of the attack for people, with its source model and what it knows."""
        name = self.name
        if self.attack and self.attack.found_on:
            name = f"{name} from {self.job.sources[name].model.name}"
        return f"{name}, {self.knowledge}" if self.knowledge else name

    @property
    def title(self) -> str:
        """Name of the work for people."""
        return f"{self.job.title}: {self.shown_name if self.attack else 'clean'}"

    @property
    def stage(self) -> Stage:
        """The stage whose images are counted."""
        kind = self.attack.name if self.attack else "scoring"
        kind = f"{kind}, {self.knowledge}" if self.knowledge else kind
        return training_stage(self.job)._replace(kind=kind)

    @cached_property
    def epsilons(self) -> list[float]:
        """Epsilons in units of 1/255, with those that a nested search starts from."""
        return sorted({epsilon for cell in self.cells for epsilon in (*cell.smaller_epsilons, cell.epsilon)})

    @property
    def images(self) -> int:
        """Number of images to count, each once for every epsilon."""
        return len(self.epsilons) * len(self.job.data.scoring_rows)

    def search(self, model: nn.Module, attack: PlannedAttack | None, device: torch.device) -> Search:
        """Return the search of the attack, with what it has learnt, on the job's model."""
        return Search(
            model,
            attack.attack if attack else None,
            self.name,
            [epsilon * PIXEL for epsilon in self.epsilons],
            int(attack.params.get("seed", 0)) if attack else 0,
            device,
            self.job.settings.run.precision,
            model.model if self.knowledge == STATIC and isinstance(model, Defended) else None,
        )

    @property
    def data(self) -> TestData:
        """Images and labels."""
        return self.job.data.scored

    @cached_property
    def pictures(self) -> dict[int, Pictures]:
        """Places of saved adversarial images, by the number of the epsilon."""
        found = {self.epsilons.index(cell.epsilon): self.pictures_of(cell) for cell in self.cells}
        return {index: files for index, files in found.items() if files}

    @property
    def pictured(self) -> bool:
        """Whether the adversarial images that are saved so far are of this, and not of other parameters."""
        return all(files.begun() for files in self.pictures.values())

    def pictures_of(self, cell: Cell) -> Pictures | None:
        """Return where the images of a cell are saved; None where they are not."""
        if self.save_images is None or cell.attack == CLEAN:
            return None
        return Pictures.of(cell, self.save_images, self.job.image_names)

    def left(self) -> "Measurement | None":
        """Return the part whose cells are not in the store, or their images not saved; None if all are."""
        missing = [cell for cell in self.cells if not self._done(cell)]
        return replace(self, cells=missing) if missing else None

    def _done(self, cell: Cell) -> bool:
        pictures = self.pictures_of(cell)
        return self.store.has(cell) and (pictures is None or pictures.complete())

    def parts(self, most: int) -> list[slice]:
        """Return parts of the images, of whole batches, to be measured apart from one another.

        A part has `most` images at most, unless it is one batch that has more.
        """
        images = len(self.data.rows)
        count = math.ceil(images / most)
        if count == 1 or (self.attack and self.attack.learns):  # each part would have to learn anew
            return [slice(0, images)]
        stops = [batch.stop for batch in self.data.batches(self.job.batch_size)]
        wanted = (images * number / count for number in range(1, count + 1))
        cuts = sorted({0, *(next(stop for stop in stops if stop >= least) for least in wanted)})
        return [slice(*pair) for pair in pairwise(cuts)]

    def partial(self, part: slice | None = None) -> Partial:
        """Return the measurement in progress of all images or of a part, as far as an earlier run came."""
        images = slice(0, len(self.data.rows))
        part = part or images
        mark = "" if part == images else f".{part.start}-{part.stop}"
        path = self._folder / f"{self._stem}{self._identity}{mark}.partial"
        return Partial(path, len(self.epsilons), self.data.pixels, part)

    def discard_leftovers(self) -> None:
        """Remove what earlier runs left of measuring this. Call it under the lock.

        What sweeps with other settings left is kept for a while, for them to go on.
        """
        name = f"{self._stem}{'[0-9a-f]' * 20}."  # not those of an attack whose name begins like this one's
        for leftover in [*self._folder.glob(f"{name}*"), *self._folder.glob(f".{name}*.part")]:
            with suppress(FileNotFoundError):
                if self._identity in leftover.name or time.time() - leftover.stat().st_mtime > KEPT_FOR:
                    leftover.unlink()

    def lock(self) -> FileLock:
        """Return the lock that a process takes while it measures this."""
        return _lock(self.store, f"{_mark(self.job)}-{self._stem}all")

    @property
    def _folder(self) -> Path:
        return self.store.root / "partial" / _mark(self.job)

    @property
    def _stem(self) -> str:
        defence = self.cells[0].defence
        defended = f"defended-{digest([defence, self.knowledge])}-" if defence else ""
        return f"{defended}{safe_name(self.name)}-"

    @cached_property
    def _identity(self) -> str:
        folders = [str(files.folder) for files in self.pictures.values()]
        return digest([*(cell.key for cell in self.cells), *folders])


def training_stage(job: Job) -> Stage:
    """Return the stage in which a job's model is trained."""
    return Stage("training", f"{job.model.name} {job.variant}", job.title)


def images_to_train(job: Job) -> dict[Stage, int]:
    """Return how many images the training of a job's model has, an image counted in each epoch.

    None where it has weights, or where another job trains it.
    """
    if job.weights() is not None or job.home is not job:
        return {}
    training = job.settings.training
    steps = training.epochs * job.data.training.steps(training.batch_size)
    return {training_stage(job): steps * training.batch_size}


def training_lock(job: Job, store: Store) -> FileLock:
    """Return the lock that a process takes while it trains a job's model."""
    return _lock(store, _mark(job.home))


def _lock(store: Store, name: str) -> FileLock:
    return lock_on(store.root / "locks" / f"{name}.lock")


def _mark(job: Job) -> str:
    return digest([job.checkpoint.path.name, job.data.dataset.name])
