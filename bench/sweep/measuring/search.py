"""An attack on a model, batch by batch: what it finds, checked at the door, and how the model scores that."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ....attacks.base import Attack
from ....attacks.tools.balls import Norm, ball_around
from ....attacks.tools.objectives import ascend, descend
from ....attacks.tools.visibility import Original, psnr
from ....models.adapted.adapter import Adapter
from ....models.adapted.blackbox import queries_of
from ...core.configuration.values import Precision
from ...core.errors import UserError
from ...training.precision import tf32_where
from ...training.random_numbers import seed_all, seed_of
from .door import Distances, distances
from .pictures import Pictures
from .scoring import draws_for, mean_scores, plain_scores
from .tally import Tally

LOW, HIGH = "low", "high"
Batch = TypeVar("Batch")


class Ends(NamedTuple):
    """The images of one batch that an attack reached within one epsilon."""

    low_images: Tensor  # (N, 3, H, W), those with the lowest scores
    high_images: Tensor  # (N, 3, H, W), those with the highest
    low_by: Sequence[str]  # what reached each lowest score: the attack, or a member of it
    high_by: Sequence[str]  # what reached each highest score


class Measured(NamedTuple):
    """The results of one batch under one epsilon: columns, diagnostics, and the images of each end."""

    columns: dict[str, Any]
    told: dict[str, Any]
    images: Mapping[str, Tensor]


@dataclass(frozen=True)
class Search:
    """An attack on a model, and what its images are scored by."""

    model: nn.Module  # which scores, in evaluation mode
    attack: Attack | None  # None: the images as they are; `epsilons` is then `[0.0]`
    name: str  # of the attack, for messages
    epsilons: Sequence[float]  # E radii in pixel units of [0, 1], ascending
    seed: int  # of a stochastic model's random numbers; the attack has its own
    device: torch.device  # where the model is
    precision: Precision = "fp32"  # of the passes in which the attack searches; images are scored in float32
    bare: nn.Module | None = None  # the model that the attack is made on, if that is not the one that scores

    @cached_property
    def victim(self) -> nn.Module:
        """The model that the attack is made on, in the precision of the search."""
        attacked = self.model if self.bare is None else self.bare
        return Adapter(attacked, precision="bf16") if self.precision == "bf16" else attacked

    @property
    def norm(self) -> Norm:
        """Norm of the balls."""
        norm: Norm = getattr(self.attack, "norm", "linf")
        return norm

    def checked(self, images: Tensor, adversarial: Tensor, epsilon: float) -> Distances:
        """Return how far images of the attack are from the originals; see `distances`."""
        return distances(images, adversarial, epsilon, norm=self.norm, attack=self.name)

    def measured(
        self, start: int, images: Tensor, labels: Tensor, pictures: Mapping[int, Pictures]
    ) -> Iterator[Measured]:
        """Yield the results of a batch, whose first image has the number `start`, for each epsilon."""
        seeds = seed_of(self.seed, start, 0), seed_of(self.seed, start, 1)
        asked = queries_of(self.model)
        if self.attack is None:
            found = self._clean(images, seeds)
        elif getattr(self.attack, "intervals", False):
            found = self._intervals(self.attack, images, labels, seeds)
        else:
            found = self._attacked(self.attack, images, labels, seeds)
        for index, measured in enumerate(found):
            if index in pictures:
                seed_all(seeds[1])
                ball = ball_around(images, self.epsilons[index], self.norm)
                draws = measured.told.get("draws", 1)
                measured.columns.update(
                    pictures[index].save(self.model, start, images, measured.images, ball, draws)
                )
            if (now := queries_of(self.model)) > asked:
                measured.told["queries"], asked = now - asked, now
            yield measured

    def _clean(self, images: Tensor, seeds: tuple[int, int]) -> Iterator[Measured]:
        seed_all(seeds[1])
        yield Measured({"score": plain_scores(self.model, images)}, {}, {})

    def _attacked(
        self, attack: Attack, images: Tensor, labels: Tensor, seeds: tuple[int, int]
    ) -> Iterator[Measured]:
        tally, original = Tally(), _original(images)
        own = type(attack).perturb is not Attack.perturb  # that of a plugin, which keeps no record
        recorded = {} if own else {"record": tally.record}
        attacked = self._started(attack, images.clone(), labels.clone(), **recorded)
        for epsilon in self.epsilons:
            # A stochastic model draws the same numbers for every epsilon, and others when it is scored than
            # when it is attacked; so it does not matter which epsilons are still missing.
            adversarial = self._next(attacked, seeds[0])
            told = self.checked(images, adversarial, epsilon).record() | tally.since()
            seed_all(seeds[1])
            columns = {"score": plain_scores(self.model, adversarial)}
            columns |= _visibility(images, original, adversarial)
            yield Measured(columns, told, {"adversarial": adversarial})

    def _intervals(
        self, attack: Attack, images: Tensor, labels: Tensor, seeds: tuple[int, int]
    ) -> Iterator[Measured]:
        seed_all(seeds[0])
        tally, original = Tally(), _original(images)
        found = self._ends(attack, images.clone(), labels.clone(), tally)
        seed_all(seeds[1])
        draws = draws_for(self.model, images)
        scored = {"score": mean_scores(self.model, images, draws)}
        for epsilon in self.epsilons:
            ends = self._next(found, seeds[0])
            distance = self.checked(images, ends.low_images, epsilon)
            distance = distance.larger(self.checked(images, ends.high_images, epsilon))
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
            yield Measured(columns, distance.record() | tally.since() | {"draws": draws}, reached)

    def _ends(self, attack: Any, images: Tensor, labels: Tensor, tally: Tally) -> Iterator[Ends]:
        """Yield both ends for each epsilon.

        `auto` gives intervals by itself; any other search is run once downwards and once upwards.
        """
        if hasattr(attack, "interval"):
            yield from attack.interval(self.victim, images, [*self.epsilons], record=tally.record)
            return
        # The two searches take turns, so what an attack keeps in its attributes must not be shared, and what
        # it has given must not change under the other's hands.
        lows, highs = (
            self._started(copy(attack), images, labels, objective=objective, record=tally.record)
            for objective in (descend, ascend)
        )
        by = [self.name] * len(images)
        for low_images in lows:
            low_images = low_images.clone() if isinstance(low_images, Tensor) else low_images
            for high_images in islice(highs, 1):
                yield Ends(low_images, high_images, by, by)

    def _started(self, attack: Attack, images: Tensor, labels: Tensor, **options: Any) -> Iterator[Tensor]:
        """Return the batches that an attack yields; it is given a list of epsilons of its own.

        If its `perturb` does not take what it is given, or returns something else, that is a `UserError`.
        """
        try:
            return map(_detached, attack.perturb(self.victim, images, labels, [*self.epsilons], **options))
        except TypeError as error:
            raise UserError(f"attack {type(attack).__name__} cannot be run: {error}") from error

    def _next(self, found: Iterator[Batch], seed: int) -> Batch:
        seed_all(seed)
        with tf32_where(self.precision):
            for batch in found:
                return batch
        raise UserError(f"attack {self.name!r}: gives fewer batches than there are epsilons: one for each")


def _detached(batch: Any) -> Any:
    return batch.detach() if isinstance(batch, Tensor) else batch


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
