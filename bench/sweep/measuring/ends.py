"""Finds the images that an attack reaches upwards and downwards, and counts what its search did."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from torch import Tensor, nn

from ....attacks.base import Attack
from ....attacks.tools.objectives import ascend, descend
from ....attacks.tools.victim import SearchRecord
from ...core.errors import UserError


class Ends(NamedTuple):
    """The images of one batch that an attack reached within one epsilon."""

    low_images: Tensor  # (N, 3, H, W), those with the lowest scores
    high_images: Tensor  # (N, 3, H, W), those with the highest
    low_by: Sequence[str]  # what reached each lowest score: the attack, or a member of it
    high_by: Sequence[str]  # what reached each highest score


@dataclass
class Tally:
    """Counts of a search, taken for each epsilon."""

    record: SearchRecord = field(default_factory=SearchRecord)  # which the attack fills
    _before: dict[str, int] = field(default_factory=dict)
    _rests_on: dict[str, int] = field(default_factory=dict)

    def since(self) -> dict[str, Any]:
        """Return the counts since the last call, for a cell's diagnostics.

        Images that needed no gradient of their own, such as FGSM's of a larger epsilon, are made from the
        gradients that were taken last, and have their counts.

        For a black-box search, `query_gain` is the sum over ends of the rise of the best value after each
        number of queries, and `query_ends` is the number of ends.
        """
        record = self.record
        gradients = {
            "gradients": record.gradients,
            "zero_gradients": record.zero,
            "nonfinite_gradients": record.nonfinite,
        }
        now = dict(gradients)
        if record.returned:
            now |= {f"{kind}_images": getattr(record, kind) for kind in ("returned", "unmoved", "risen")}
        told: dict[str, Any] = {key: count - self._before.get(key, 0) for key, count in now.items()}
        self._before = now
        if told["gradients"]:
            self._rests_on = {key: told[key] for key in gradients}
        told |= self._rests_on
        if watched := round(record.watched, 4):
            told["watched"] = watched
        if record.views:
            told["views"] = sorted(record.views)
        curves = [curve for of_epsilon in record.query_curve.values() for curve in of_epsilon]
        record.query_curve.clear()
        if curves:
            starts = [curve[min(curve)] for curve in curves]
            told["query_ends"] = sum(len(start) for start in starts)
            told["query_gain"] = {
                str(queries): sum(
                    float((curve[queries] - start).sum())
                    for curve, start in zip(curves, starts, strict=True)
                    if queries in curve
                )
                for queries in sorted({count for curve in curves for count in curve})
            }
        return told


def perturbed(
    attack: Attack, model: nn.Module, images: Tensor, labels: Tensor, epsilons: Sequence[float], tally: Tally
) -> Iterator[Tensor]:
    """Yield the adversarial batch of each epsilon; see `Attack.perturb`.

    An attack of a plugin that has a `perturb` of its own keeps no record.
    """
    if type(attack).perturb is not Attack.perturb:
        return _started(attack, model, images, labels, epsilons)
    return attack.perturb(model, images, labels, epsilons, record=tally.record)


def attacked_ends(
    attack: Any,
    name: str,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    tally: Tally,
) -> Iterator[Ends]:
    """Yield both ends for each epsilon.

    `auto` gives intervals by itself; any other search is run once downwards and once upwards.
    """
    if hasattr(attack, "interval"):
        for found in attack.interval(model, images, [*epsilons], record=tally.record):
            yield Ends(found.low_images, found.high_images, found.low_by, found.high_by)
        return
    # The two searches take turns, so what an attack keeps in its attributes must not be shared, and what it
    # has given must not change under the other's hands.
    lows, highs = (
        _started(copy(attack), model, images, labels, epsilons, objective=objective, record=tally.record)
        for objective in (descend, ascend)
    )
    by = [name] * len(images)
    for low_images in lows:
        low_images = low_images.clone() if isinstance(low_images, Tensor) else low_images
        for high_images in islice(highs, 1):
            yield Ends(low_images, high_images, by, by)


def _started(
    attack: Attack,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    **options: Any,
) -> Iterator[Tensor]:
    """Return the batches that an attack yields; it is given a list of epsilons of its own.

    If its `perturb` does not take what it is given, or returns something else, that is a `UserError`.
    """
    try:
        return map(_detached, attack.perturb(model, images, labels, [*epsilons], **options))
    except TypeError as error:
        raise UserError(f"attack {type(attack).__name__} cannot be run: {error}") from error


def _detached(batch: Any) -> Any:
    return batch.detach() if isinstance(batch, Tensor) else batch
