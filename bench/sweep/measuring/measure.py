"""Scores one model on one dataset under one attack: the loop over batches, and how it is resumed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ....attacks.tools.balls import Norm, ball_around
from ....attacks.tools.visibility import Original, psnr
from ....models.adapted.adapter import Adapter
from ....models.adapted.blackbox import queries_of
from ...core.configuration.values import Precision
from ...core.errors import UserError
from ...core.interrupts import finishing
from ...core.progress import Progress
from ...datasets.pixels import to_float
from ...datasets.prefetch import prefetched
from ...training.precision import tf32_where
from ...training.random_numbers import seed_all
from .data import TestData
from .door import Distances, Witness, distances
from .ends import Tally, attacked_ends, perturbed
from .partial import Partial
from .pictures import Pictures
from .scoring import draws_for, mean_scores, plain_scores, seed_of

if TYPE_CHECKING:
    from ....attacks.base import Attack

LOW, HIGH = "low", "high"
Batch = TypeVar("Batch")


class _Measured(NamedTuple):
    """The results of one batch under one epsilon: columns, diagnostics, and the images of each end."""

    columns: dict[str, Any]
    told: dict[str, Any]
    images: Mapping[str, Tensor]


@tf32_where("fp32")
@finishing("the batch")
def measure(
    model: nn.Module,
    data: TestData,
    attack: "Attack | None",
    epsilons: Sequence[float],
    *,
    name: str,
    seed: int,
    batch_size: int,
    smaller_batches: bool,
    device: torch.device,
    precision: Precision,
    partial: Partial,
    progress: Progress,
    pictures: Mapping[int, Pictures],
    found_on: nn.Module | None,
) -> None:
    """Attack the images of `partial` within each epsilon, score them, and keep the results in `partial`.

    An interval attack is run upwards and downwards. The stored scores come from plain inference passes over
    the final images, not from the search. So a model that behaves differently while it is searched gains
    nothing.

    Args:
        model: In evaluation mode, on the device.
        data: N images and their labels.
        attack: None: the images as they are; `epsilons` is then `[0.0]`.
        epsilons: E radii in pixel units of [0, 1], ascending.
        name: Name of the attack, for messages.
        seed: Seed of a stochastic model's random numbers; the attack has its own.
        batch_size: Images at once, if they are of one shape and not larger than the paper's.
        smaller_batches: Whether to halve a batch that a GPU's memory does not hold, and the batches after it.
        device: Where the model is.
        precision: Precision of the passes in which the attack searches; images are scored in float32.
        partial: Where to keep the columns, and what is already there.
        progress: Advanced by the images scored, once for each epsilon.
        pictures: Where to write adversarial images, by the number of the epsilon.
        found_on: The model that the attack is made on, where that is not the one that scores.

    Raises:
        UserError: the attack returns images outside its ball or [0, 1], or of another shape or type, or
            changes the model; or the memory of the GPU does not hold a batch that may not be smaller.
    """
    progress.skip((partial.done - partial.part.start) * len(epsilons))
    victim = model if found_on is None else found_on
    if precision == "bf16":
        victim = Adapter(victim, precision="bf16")
    search = _Search(model, victim, attack, name, epsilons, seed, precision)
    stop = int(partial.part.stop)
    witness = None
    while partial.done < stop:
        at_once = min(batch_size, partial.fitting or batch_size)
        batches = [
            slice(batch.start, min(batch.stop, stop))
            for batch in data.batches(at_once, partial.done)
            if batch.start < stop
        ]
        crops = (data.cache.test_batch(data.rows[batch].tolist()) for batch in batches)
        for batch, crop in zip(batches, prefetched(crops, device), strict=True):
            told = [len(of_epsilon) for of_epsilon in partial.told]
            try:
                images = to_float(crop, device)
                first = witness is None
                if witness is None:
                    witness = Witness(model, images, f"attack {name!r}" if attack else "clean images")
                    partial.before_saving = witness.check
                for index, found in enumerate(
                    search.measured(batch.start, images, data.labels(batch, images), pictures)
                ):
                    partial.put(index, batch.start, found.columns)
                    partial.told[index].append(found.told)
                    if LOW in found.images:
                        partial.ends.put(index, batch.start, images, found.images[LOW], found.images[HIGH])
                    progress.advance(len(images))
                if first and attack is None:
                    witness.check_batch(partial.columns["score"][0, batch])
            except torch.cuda.OutOfMemoryError:
                if not smaller_batches or len(crop) == 1:
                    raise UserError(too_little_memory(name, len(crop))) from None
                partial.told = [
                    of_epsilon[:count] for of_epsilon, count in zip(partial.told, told, strict=True)
                ]
                partial.fitting = len(crop) // 2
                break
            except SystemExit as error:
                raise UserError(f"attack {name!r}, or the model: calls sys.exit({error.code!r})") from error
            partial.done = batch.stop
            partial.save_if_due()
    if witness is not None:
        witness.check()


def too_little_memory(attack: str, images: int) -> str:
    """Say that a GPU cannot hold a batch that was not halved."""
    if images == 1:
        return f"{attack}: the GPU's memory does not hold one image and its gradient: --device cpu may"
    return (
        f"{attack}: the GPU's memory does not hold a batch of {images}, and what the attack or a stochastic "
        "model draws depends on the batch, so it was not made smaller: set `batch_size` of [run]"
    )


@dataclass(frozen=True)
class _Search:
    """An attack on a model, and what its images are scored by. The arguments are those of `measure`."""

    model: nn.Module  # which scores
    victim: nn.Module  # which is attacked
    attack: "Attack | None"
    name: str
    epsilons: Sequence[float]
    seed: int
    precision: Precision

    def measured(
        self, start: int, images: Tensor, labels: Tensor, pictures: Mapping[int, Pictures]
    ) -> Iterator[_Measured]:
        """Yield the results of a batch, whose first image has the number `start`, for each epsilon."""
        seeds = seed_of(self.seed, start, 0), seed_of(self.seed, start, 1)
        kind = self._intervals if getattr(self.attack, "intervals", False) else self._attacked
        asked = queries_of(self.model)
        for index, found in enumerate(kind(images, labels, seeds)):
            if index in pictures:
                seed_all(seeds[1])
                ball = ball_around(images, self.epsilons[index], self._norm)
                draws = found.told.get("draws", 1)
                found.columns.update(
                    pictures[index].save(self.model, start, images, found.images, ball, draws)
                )
            if (now := queries_of(self.model)) > asked:
                found.told["queries"], asked = now - asked, now
            yield found

    def _attacked(self, images: Tensor, labels: Tensor, seeds: tuple[int, int]) -> Iterator[_Measured]:
        tally = Tally()
        attacked = (
            iter([images])
            if self.attack is None
            else perturbed(self.attack, self.victim, images.clone(), labels.clone(), self.epsilons, tally)
        )
        original = None if self.attack is None else _original(images)
        for epsilon in self.epsilons:
            # A stochastic model draws the same numbers for every epsilon, and others when it is scored than
            # when it is attacked; so it does not matter which epsilons are still missing.
            adversarial = self._next(attacked, seeds[0])
            told: dict[str, Any] = {}
            if self.attack is not None:
                told = self._checked(images, adversarial, epsilon).record() | tally.since()
            seed_all(seeds[1])
            columns: dict[str, Any] = {"score": plain_scores(self.model, adversarial)}
            columns |= {} if original is None else _visibility(images, original, adversarial)
            yield _Measured(columns, told, {"adversarial": adversarial})

    def _intervals(self, images: Tensor, labels: Tensor, seeds: tuple[int, int]) -> Iterator[_Measured]:
        seed_all(seeds[0])
        tally = Tally()
        found = attacked_ends(
            self.attack, self.name, self.victim, images.clone(), labels.clone(), self.epsilons, tally
        )
        seed_all(seeds[1])
        draws = draws_for(self.model, images)
        scored = {"score": mean_scores(self.model, images, draws)}
        original = _original(images)
        for epsilon in self.epsilons:
            ends = self._next(found, seeds[0])
            distance = self._checked(images, ends.low_images, epsilon)
            distance = distance.larger(self._checked(images, ends.high_images, epsilon))
            seed_all(seeds[1])
            scored[LOW] = mean_scores(self.model, ends.low_images, draws)
            scored[HIGH] = mean_scores(self.model, ends.high_images, draws)
            columns: dict[str, Any] = {column: mean for column, (mean, _) in scored.items()}
            if draws > 1:
                columns |= {f"{column}_se": error for column, (_, error) in scored.items()}
            columns |= {"low_by": np.array(ends.low_by), "high_by": np.array(ends.high_by)}
            columns |= _visibility(images, original, ends.low_images, "low_")
            columns |= _visibility(images, original, ends.high_images, "high_")
            columns, reached = _in_order(columns, {LOW: ends.low_images, HIGH: ends.high_images})
            yield _Measured(columns, distance.record() | tally.since() | {"draws": draws}, reached)

    def _next(self, found: Iterator[Batch], seed: int) -> Batch:
        seed_all(seed)
        with tf32_where(self.precision):
            for batch in found:
                return batch
        raise UserError(f"attack {self.name!r}: gives fewer batches than there are epsilons: one for each")

    def _checked(self, images: Tensor, adversarial: Tensor, epsilon: float) -> Distances:
        return distances(images, adversarial, epsilon, norm=self._norm, attack=self.name)

    @property
    def _norm(self) -> Norm:
        norm: Norm = getattr(self.attack, "norm", "linf")
        return norm


def _in_order(
    columns: dict[str, Any], ends: Mapping[str, Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Exchange the ends where fresh draws, or a weak attack, have left the low one above the high one."""
    crossed = columns[LOW] > columns[HIGH]
    for column in [name for name in columns if name.startswith(LOW)]:
        other = column.replace(LOW, HIGH, 1)
        low, high = columns[column], columns[other]
        columns[column], columns[other] = np.where(crossed, high, low), np.where(crossed, low, high)
    columns |= {column: columns[column].tolist() for column in ("low_by", "high_by")}
    low, high = ends[LOW], ends[HIGH]
    mask = torch.from_numpy(crossed).to(low.device).view(-1, 1, 1, 1)
    return columns, {LOW: torch.where(mask, high, low), HIGH: torch.where(mask, low, high)}


def _original(images: Tensor) -> Original:
    with torch.inference_mode():
        return Original(images)


def _visibility(
    images: Tensor, original: Original, adversarial: Tensor, end: str = ""
) -> dict[str, np.ndarray]:
    """Return PSNR and SSIM (N,) of adversarial images, by column."""
    with torch.inference_mode():
        found = {"psnr": psnr(images, adversarial), "ssim": original.ssim(adversarial)}
    return {f"{end}{name}": values.double().cpu().numpy() for name, values in found.items()}
