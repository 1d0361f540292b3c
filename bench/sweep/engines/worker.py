"""A worker of a sweep: one process that trains, loads, measures and stores, whoever feeds it."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...core.files import remove_leftovers
from ...core.progress import Progress
from ...core.text import plural
from ...datasets.pixels import to_float
from ...statistics.metrics import RESAMPLES, srocc
from ...statistics.visibility import median_visibility
from ...store.cell import Cell
from ...store.cell_file import read_cell, read_scores
from ...store.metric_cache import CellMetrics
from ...training.fit import TrainingRun, described, fit
from ...training.precision import precision_on
from ...training.random_numbers import seed_all
from ..job import STATIC, Job
from ..machine import context_of
from ..measuring.measure import measure
from ..measuring.notices import Notices
from ..measuring.partial import Found, Partial, joined
from ..measuring.scoring import plain_scores
from ..measuring.worst import realise_worst_case
from ..patches import PatchMean
from .compiling import compile_in_place
from .folding import ready_to_score
from .work import Measurement, training_stage

SAME_MODEL = 1e-3  # of scores: another machine, and other kernels, stay below it


class Worker:
    """Trains models and measures them."""

    def __init__(self, device: torch.device, progress: Progress) -> None:
        self.device = device
        self._loaded: tuple[Job, nn.Module] | None = None
        self.begin(progress)

    def begin(self, progress: Progress) -> None:
        """Begin anew with what is told and counted; a model that was loaded stays."""
        self.progress = progress  # told of every image, and of what the user should know
        self.written: list[Path] = []  # files of the cells that were stored
        self._metrics: dict[str, CellMetrics] = {}
        self._noted: dict[str, str] = {}  # what is to be kept with the cells of a measurement, by its title
        self._notices = Notices(lambda line: self.progress.line(line))

    def train(self, job: Job) -> None:
        """Train a job's model under the lock of its training."""
        job = job.home
        self.progress.begin(training_stage(job), f"training {job.title}")
        started = time.monotonic()
        seed_all(job.seed)
        model = job.model.build()
        wanted = job.settings.training.precision
        precision = precision_on(self.device, wanted)
        if precision != wanted:
            self.progress.line(
                f"{job.title}: trained in {precision}, because this machine has no instructions for {wanted}"
            )
        curve = fit(
            model,
            TrainingRun(
                data=job.data.training,
                settings=job.settings.training,
                regime=job.regime(),
                seed=job.seed,
                device=self.device,
                snapshot=job.checkpoint.path.with_suffix(".training"),
                progress=self.progress,
                title=f"training {job.title}",
            ),
        )
        card = job.checkpoint.save(
            model,
            {
                **job.data.training_identity(),
                "model": job.model.name,
                "variant": job.model.point,
                "model_params": job.model.params,
                **({"adapter": job.model.adaptation} if job.model.adaptation else {}),
                "model_source": job.model.source,
                "recipe": job.model.fitted_by,
                **job.versions,
                "regime": job.settings.run.regime if job.inner_attack else "clean",
                "training": job.training,
                "seed": job.seed,
                "curve": curve,
                "seconds": round(time.monotonic() - started, 1),
                "context": {**context_of(job, self.device), "precision": precision},
            },
        )
        job.checkpoint.path.with_suffix(".training").unlink(missing_ok=True)
        remove_leftovers(job.checkpoint.path.with_suffix(".*"))
        last = {name: value for name, value in curve[-1].items() if name not in ("epoch", "learning_rate")}
        took = f"{job.title}: trained in {card['seconds']:.0f} s, {plural(len(curve), 'epoch')}"
        self.progress.line(f"{took}, {described(last)}")

    def load(self, job: Job) -> nn.Module:
        """Return the trained model of a job, as `trained_models` promises it.

        The last one is kept, so that what is measured of one job one after the other takes one load.
        """
        if self._loaded is None or self._loaded[0] is not job:
            self._loaded = None  # before the next is there, too
            self._loaded = job, self._load(job)
        return self._loaded[1]

    def _load(self, job: Job) -> nn.Module:
        if job.model.fitted_by == "none":
            model = job.brought()
        else:
            model = job.model.build_empty()
            job.checkpoint.load_into(model)
        model = job.referenced(model)
        images = to_float(job.example(), self.device)
        model = ready_to_score(model, images, job.settings.run.precision)
        model = PatchMean(model, patches).eval() if (patches := job.model.framing.patches) else model
        compiled = job.settings.run.compile and not (job.model.stochastic or job.model.black_box)
        if compiled and (reason := compile_in_place(model, images)):
            self.progress.line(f"{job.title}: not compiled ({reason})")
        if job.model.defence:
            learnt = {name: learner.checkpoint for name, learner in job.learners.items()}
            model = job.model.defence.around(model, learnt).to(self.device)
        return model

    def measure(self, work: Measurement, parts: Sequence[slice] = ()) -> dict[str, float]:
        """Measure all images and store the cells. Call it under the lock of the measurement.

        Of images that `measure_part` has measured in parts, only those of a part are measured that is not in
        the store as it should be.

        Returns:
            By name of a cell for people the SROCC of its scores; of an interval attack that of their worst
            case, or of images without labels the median width of their intervals.
        """
        if len(parts) < 2:
            partial = self._measure(work, work.partial())
            if work.attack and work.attack.gives_intervals:
                partial.save()  # for finding the worst case takes time, too
            return self._store(work, partial)
        found = [work.partial(part) for part in parts]
        for partial in found:
            if not partial.finished or not work.pictured:
                self._measure(work, partial).save()
        return self._store(work, joined(found))

    def measure_part(self, work: Measurement, part: slice) -> None:
        """Measure a part of the images, and leave what is found in the store, for `measure`."""
        self._measure(work, work.partial(part)).save()

    def _measure(self, work: Measurement, partial: Partial) -> Partial:
        job = work.job
        attack = work.attack and work.attack.ready(
            lambda: self._load(job.sources[work.name]),
            lambda most: to_float(job.learning_images(most), self.device),
        )
        model, self._loaded = self.load(job), None  # after an error the model may not be what it was
        self.progress.begin(work.stage, work.title)
        if partial.damage:
            self.progress.line(
                f"{work.title}: starts again, as what was kept of it is damaged: {partial.damage}"
            )
        if partial.done > partial.part.start and not work.pictured:
            partial.restart()
        for files in work.pictures.values():
            files.begin()
        if sentence := self._otherwise(work, model):
            self.progress.line(f"{job.title}: {sentence}")
            self._noted[work.title] = sentence
        measure(
            work.search(model, attack, self.device),
            work.data,
            partial,
            self.progress,
            batch_size=job.batch_size,
            smaller_batches=work.cells[0].batch_size is None,
            pictures=work.pictures,
        )
        self._loaded = job, model
        return partial

    def _otherwise(self, work: Measurement, model: nn.Module) -> str | None:
        """Say where a model scores an image otherwise than a cell of clean images has it under the same key.

        A key names the code and the weights of a model, and not a file that its constructor reads.
        """
        job, clean = work.job, work.job.clean_cell()
        path = work.store.path(clean)
        if work.attack is None or job.model.stochastic or path in self.written or not work.store.has(clean):
            return None
        kept = read_scores(read_cell(path))
        known = dict(zip(kept.images, kept.score, strict=True))
        images = work.data.few_images(self.device)
        before = [known[name] for name in job.image_names[: len(images)]]
        now = plain_scores(model, images)
        close = max(SAME_MODEL, getattr(model, "rounding", 0.0))
        if np.allclose(before, now, rtol=close, atol=close, equal_nan=True):
            return None
        return (
            f"{work.name} attacks a model that gives {job.image_names[0]} the score {now[0]:.4g}, where "
            f"{path} has {before[0]:.4g} under the same key: something has changed that keys do not name, "
            "such as a file that the model reads or a library; raise its `version`, or remove its cells"
        )

    def _store(self, work: Measurement, found: Found) -> dict[str, float]:
        """Realise the worst case of an interval attack, and store the cells."""
        job, attack, quality = work.job, work.attack, work.data.quality
        if attack is not None and "low" in found.columns and not np.isnan(quality).all():
            search = work.search(self.load(job), attack, self.device)
            at_once = min(job.batch_size, found.fitting or job.batch_size)
            realise_worst_case(search, work.data, found, batch_size=at_once)
        context = {**context_of(job, self.device), "seconds": round(found.spent(), 2)}
        if attack is not None:
            context["control"] = attack.control
        shown = {}
        for cell in work.cells:
            index = work.epsilons.index(cell.epsilon)
            columns = {column: values[index] for column, values in found.columns.items()}
            diagnostics = found.diagnostics(index)
            if work.knowledge != STATIC:  # which says nothing of the model's gradients
                diagnostics = self._notices.on(job.title, job.model, attack, quality, columns, diagnostics)
            if sentence := self._noted.get(work.title):
                diagnostics["notes"] = [*diagnostics.get("notes", ()), sentence]
            diagnostics |= median_visibility(columns)
            if index in work.pictures:
                diagnostics |= self._finish_pictures(work, cell, columns)
            self._keep(work.store.write(cell, job.data.rows_of_cell(columns), context, diagnostics))
            shown[f"{work.shown_name} {cell.epsilon:g}/255" if attack else "clean"] = _shown(quality, columns)
        found.discard()
        for cell in work.cells:
            remove_leftovers(work.store.path(cell))
        work.discard_leftovers()
        return shown

    def take_metrics(self) -> dict[str, CellMetrics]:
        """Return the metrics of the cells that were stored since the last call, by digests of their files."""
        metrics, self._metrics = self._metrics, {}
        return metrics

    def _keep(self, path: Path) -> None:
        """Note a cell that was stored, and compute its metrics with their intervals: a report need not."""
        self.written.append(path)
        with suppress(ValueError):  # scores that no metric is defined for: a report says why
            stored = read_cell(path)
            self._metrics[stored.content] = CellMetrics.of(read_scores(stored), RESAMPLES)

    def _finish_pictures(
        self, work: Measurement, cell: Cell, columns: Mapping[str, np.ndarray]
    ) -> dict[str, float]:
        files = work.pictures[work.epsilons.index(cell.epsilon)]
        kept = files.finish(columns)
        saved = f"{work.job.title}: images of {work.name} at {cell.epsilon:g}/255 in {files.folder}"
        if np.isnan(kept):  # no score changed
            self.progress.line(saved)
            return {}
        self.progress.line(f"{saved}; {kept:.0%} of the change of scores survives rounding to 8 bits")
        return {"eight_bit_kept": round(kept, 6)}


def _shown(quality: np.ndarray, columns: Mapping[str, np.ndarray]) -> float:
    """Return the SROCC of the scores; of attainable intervals that of their worst case, or their width."""
    if np.isnan(quality).all():
        return float(np.median(columns["high"] - columns["low"])) if "low" in columns else float("nan")
    return srocc(quality, columns["worst" if "worst" in columns else "score"])
