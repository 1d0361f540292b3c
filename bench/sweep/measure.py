"""Scores of one model on one dataset under one attack: the loop over batches, and its resumption."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..core.files import replacing
from ..core.progress import Progress
from ..datasets.pixels import PixelCache, to_float
from ..datasets.prefetch import prefetched
from .door import Distances, distances
from .ends import Tally, attacked_ends, perturbed

if TYPE_CHECKING:
    from ...attacks.base import Attack

SAVE_EVERY = 10.0  # seconds between two saves of a measurement in progress
DRAWS = 20
"""Forward passes whose mean is the score of an image under an interval attack, where a model is random."""


@dataclass(frozen=True)
class TestData:
    """The images to score: indices into the cache, and labels in [0, 1]."""

    __test__ = False  # pytest does not collect it

    cache: PixelCache
    rows: np.ndarray
    quality: np.ndarray


class Partial:
    """A measurement in progress, kept on disk so that a killed one goes on where it was.

    Attributes:
        done: Images measured.
        columns: (E, N) arrays by column of the cells: `score`, and for an interval attack its ends.
        diagnostics: What the search has to tell, for each epsilon.
    """

    def __init__(self, path: Path, epsilons: int, images: int) -> None:
        self._path = path
        self._last = time.monotonic()
        self._shape = (epsilons, images)
        self.done = 0
        self.columns: dict[str, np.ndarray] = {}
        self.diagnostics: list[dict[str, Any]] = [{} for _ in range(epsilons)]
        self._restore()

    def put(self, index: int, start: int, values: Mapping[str, Sequence[float] | Sequence[str]]) -> None:
        """Keep the columns of one batch under one epsilon."""
        for name, column in values.items():
            if name not in self.columns:
                empty = "" if isinstance(column[0], str) else np.nan
                self.columns[name] = np.full(self._shape, empty, dtype=object if empty == "" else float)
            self.columns[name][index, start : start + len(column)] = column

    def save_if_due(self) -> None:
        """Save, unless the last save was a moment ago."""
        if time.monotonic() - self._last < SAVE_EVERY:
            return
        columns: dict[str, Any] = {f"column_{name}": _storable(of) for name, of in self.columns.items()}
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, done=self.done, diagnostics=json.dumps(self.diagnostics), **columns)
        self._last = time.monotonic()

    def discard(self) -> None:
        """Remove the file of a measurement that is finished and stored."""
        self._path.unlink(missing_ok=True)

    def _restore(self) -> None:
        try:
            with np.load(self._path) as saved:
                done, diagnostics = int(saved["done"]), json.loads(str(saved["diagnostics"]))
                prefix = "column_"
                columns = {
                    name.removeprefix(prefix): _restored(saved[name])
                    for name in saved.files
                    if name.startswith(prefix)
                }
        except (OSError, ValueError, KeyError, EOFError):
            return  # none, or not readable: as good as none
        if columns and all(column.shape == self._shape for column in columns.values()):
            self.done, self.columns, self.diagnostics = done, columns, diagnostics


def measure(
    model: nn.Module,
    data: TestData,
    attack: "Attack | None",
    epsilons: Sequence[float],
    *,
    name: str = "attack",
    seed: int,
    batch_size: int,
    device: torch.device,
    partial: Partial,
    progress: Progress,
) -> None:
    """Score every image, attacked within each epsilon, into `partial`.

    An interval attack is run upwards and downwards. What is stored of it comes from plain inference passes
    over the final images, apart from the search, so that a model that behaves otherwise while it is searched
    gains nothing by it.

    Args:
        model: In evaluation mode, on the device.
        data: N images and their labels.
        attack: None: the images as they are; `epsilons` is then `[0.0]`.
        epsilons: E radii in pixel units of [0, 1], ascending.
        name: Of the attack, for messages.
        seed: Of a stochastic model's random numbers; the attack has its own.
        batch_size: Images at once.
        device: Where the model is.
        partial: Where to keep the columns, and what is already there.
        progress: Advanced by the images scored, once for each epsilon.

    Raises:
        UserError: the attack returns images outside its ball or [0, 1], or of another shape or type.
    """
    progress.skip(partial.done * len(epsilons))
    starts = range(partial.done, len(data.rows), batch_size)
    batches = (data.cache.test_batch(data.rows[s : s + batch_size].tolist()) for s in starts)
    for start, crop in zip(starts, prefetched(batches, device), strict=True):
        images = to_float(crop, device)
        labels = torch.tensor(data.quality[start : start + len(crop)], dtype=images.dtype, device=device)
        seeds = _seed(seed, start, 0), _seed(seed, start, 1)
        if attack is not None and getattr(attack, "intervals", False):
            measured = _intervals(model, attack, name, images, labels, epsilons, seeds)
        else:
            measured = _attacked(model, attack, name, images, labels, epsilons, seeds)
        for index, (values, found) in enumerate(measured):
            partial.put(index, start, values)
            partial.diagnostics[index] = _together(partial.diagnostics[index], found)
            progress.advance(len(crop))
        partial.done = start + len(crop)
        partial.save_if_due()


_Measured = Iterator[tuple[dict[str, Any], dict[str, Any]]]
"""For each epsilon: the columns of a batch, and what there is to tell of it."""


def _attacked(
    model: nn.Module,
    attack: "Attack | None",
    name: str,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    seeds: tuple[int, int],
) -> _Measured:
    tally = Tally()
    attacked = iter([images]) if attack is None else perturbed(attack, model, images, labels, epsilons, tally)
    for epsilon in epsilons:
        # A stochastic model draws the same numbers for every epsilon, and others when it is scored than when
        # it is attacked; so it does not matter which epsilons are still missing.
        torch.manual_seed(seeds[0])
        adversarial = next(attacked)
        found: dict[str, Any] = {}
        if attack is not None:
            found = _checked(name, attack, images, adversarial, epsilon).record() | tally.since()
        torch.manual_seed(seeds[1])
        yield {"score": _score(model, adversarial)}, found


def _intervals(
    model: nn.Module,
    attack: "Attack",
    name: str,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    seeds: tuple[int, int],
) -> _Measured:
    torch.manual_seed(seeds[0])
    tally = Tally()
    found = attacked_ends(attack, name, model, images, labels, epsilons, tally)
    torch.manual_seed(seeds[1])
    draws = DRAWS if _is_random(model, images) else 1
    clean = _mean_score(model, images, draws)
    for epsilon in epsilons:
        torch.manual_seed(seeds[0])
        ends = next(found)
        distance = _checked(name, attack, images, ends.low_images, epsilon)
        distance = distance.larger(_checked(name, attack, images, ends.high_images, epsilon))
        torch.manual_seed(seeds[1])
        scored = {
            "score": clean,
            "low": _mean_score(model, ends.low_images, draws),
            "high": _mean_score(model, ends.high_images, draws),
        }
        columns: dict[str, Any] = {column: mean for column, (mean, _) in scored.items()}
        if draws > 1:
            columns |= {f"{column}_se": error for column, (_, error) in scored.items()}
        # Fresh draws may put an end on the other side of the clean score, which was reached too.
        columns["low"], columns["high"] = np.sort([columns["low"], columns["high"]], axis=0)
        columns |= {"low_by": ends.low_by, "high_by": ends.high_by}
        yield columns, distance.record() | tally.since() | {"draws": draws}


def _checked(name: str, attack: "Attack", images: Tensor, adversarial: Tensor, epsilon: float) -> Distances:
    return distances(images, adversarial, epsilon, norm=getattr(attack, "norm", "linf"), attack=name)


def _is_random(model: nn.Module, images: Tensor) -> bool:
    if getattr(model, "stochastic", False):
        return True
    few = images[:2]
    return not np.array_equal(_score(model, few), _score(model, few), equal_nan=True)


def _mean_score(model: nn.Module, images: Tensor, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean score of each image over fresh draws, and its standard error."""
    scores = np.stack([_score(model, images) for _ in range(draws)])
    if draws == 1:
        return scores[0], np.zeros_like(scores[0])
    return scores.mean(0), scores.std(0, ddof=1) / np.sqrt(draws)


def _score(model: nn.Module, images: Tensor) -> np.ndarray:
    with torch.inference_mode():
        scores: np.ndarray = model(images).float().cpu().numpy().astype(np.float64)
    return scores


def _together(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return the diagnostics of two batches as those of both: counts add up, of distances the largest."""
    both = {**before, **now}
    for key in before.keys() & now.keys():
        if key.startswith("largest") or key == "draws":
            both[key] = max(before[key], now[key])
        elif isinstance(now[key], int | float):
            both[key] = before[key] + now[key]
        elif isinstance(now[key], list):
            both[key] = sorted({*before[key], *now[key]})
    return both


def _storable(column: np.ndarray) -> np.ndarray:
    return column.astype(str) if column.dtype == object else column


def _restored(column: np.ndarray) -> np.ndarray:
    return column.astype(object) if column.dtype.kind == "U" else column


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
