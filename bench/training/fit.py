"""Fits a model: the loop over epochs and batches, its learning rate, its curves and its resumption.

Every random number of an epoch is drawn from (seed, epoch), and the learning rate is a function of the
step. So an epoch does not depend on how the process came to it, and a resumed run ends in the same weights.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...models.recipe import Labels, Recipe, Regime, Terms, sound_kernels
from ..core import registry
from ..core.configuration.tables import TrainingSettings
from ..core.integrity import Damaged
from ..core.progress import Progress
from ..datasets.framing import FramedPixels
from ..datasets.pixels import to_float
from ..datasets.prefetch import prefetched
from .precision import precision_on, tf32_where
from .random_numbers import seed_all, seed_of
from .recipes import recipe_of
from .snapshot import Snapshot

WARM_UP = 0.1  # share of the steps in which the cosine schedule rises
SHOW_EVERY = 1.0  # seconds between two looks at the loss terms


@dataclass(frozen=True)
class TrainingData:
    """The training images of one dataset."""

    cache: FramedPixels  # pixels
    rows: np.ndarray  # (N,) indices into the cache
    quality: np.ndarray  # (N,) labels in [0, 1]
    distributions: np.ndarray | None = None  # (N, K) the share of each rating, where the dataset has them

    def batches(
        self, epoch: int, *, seed: int, batch_size: int, flip: bool
    ) -> Iterator[tuple[Tensor, Labels]]:
        """Yield an epoch's random crops, uint8 (B, 3, S, S), and their labels; no smaller last batch."""
        randomness = np.random.default_rng([seed, epoch])
        order = randomness.permutation(len(self.rows))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            crops = self.cache.train_batch(self.rows[chosen].tolist(), randomness, flip=flip)
            quality, rated = torch.tensor(self.quality[chosen], dtype=torch.float32), None
            if self.distributions is not None:
                rated = torch.tensor(self.distributions[chosen], dtype=torch.float32)
            yield crops, Labels(quality, rated)

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch."""
        return len(self.rows) // batch_size


@dataclass(frozen=True)
class TrainingRun:
    """The arguments of a fit besides the model."""

    data: TrainingData  # what to fit
    settings: TrainingSettings  # `[training]`
    regime: Regime  # what the regression loss is taken on
    seed: int  # of the order of images, of crops and of the model's own random numbers
    device: torch.device  # where to compute
    snapshot: Path  # file for resuming after an interruption
    progress: Progress  # to be advanced by the images seen, and to show the loss terms
    title: str = "training"  # what to call the run next to the progress bar


Curve = list[dict[str, float]]
"""A row per epoch: `epoch`, a mean for each loss term, `learning_rate` (of the last step)."""


def fit(model: nn.Module, run: TrainingRun) -> Curve:
    """Fit a model in place by the recipe that it asks for, and leave it on the run's device.

    Training stops after an epoch whose loss is not finite; its row is the last of the curve that is returned.
    """
    settings, data = run.settings, run.data
    model.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe: Recipe = registry.resolve("recipes", recipe_of(model))(
        model, settings, run.regime, **getattr(model, "recipe_params", {})
    )
    steps = data.steps(settings.batch_size)
    snapshot = Snapshot(run.snapshot)
    try:
        state = snapshot.restore(model, recipe.optimizers)
    except Damaged as error:
        run.progress.line(f"{run.title}: starts again, as {snapshot.path} is of no use: {error}")
        state = None
    curve: Curve = state["curve"] if state else []
    precision = precision_on(run.device, settings.precision)
    run.progress.skip(len(curve) * steps * settings.batch_size)

    for epoch in range(len(curve), settings.epochs):
        seed_all(seed_of(run.seed, epoch))
        model.train()
        recipe.start_epoch()
        # Without the cache of cast weights, which an optimiser's step would leave behind.
        low = precision == "bf16"
        with (
            sound_kernels(model),
            tf32_where(precision),
            torch.autocast(run.device.type, torch.bfloat16, enabled=low, cache_enabled=False),
        ):
            means = _epoch(recipe, run, epoch, steps)
        curve.append({"epoch": epoch + 1, **means})
        if not math.isfinite(curve[-1]["loss"]):
            break
        snapshot.save_if_due(model, recipe.optimizers, {"curve": curve})
    return curve


def _epoch(recipe: Recipe, run: TrainingRun, epoch: int, steps: int) -> dict[str, float]:
    """Pass over the training images once; return the mean of each loss term and the last learning rate."""
    settings = run.settings
    terms: dict[str, list[Tensor]] = {}
    latest: Terms = {}
    shown = time.monotonic()
    batches = run.data.batches(epoch, seed=run.seed, batch_size=settings.batch_size, flip=settings.flip)
    for step, (crops, labels) in enumerate(prefetched(batches, run.device), start=epoch * steps):
        rate = learning_rate(settings, step, settings.epochs * steps)
        for optimizer in recipe.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate
        of_step = recipe.step(step, to_float(crops, run.device), labels.to(run.device))
        latest |= of_step
        for name, value in of_step.items():
            terms.setdefault(name, []).append(value)
        run.progress.advance(len(crops))
        if time.monotonic() - shown > SHOW_EVERY:
            run.progress.doing(f"{run.title}, epoch {epoch + 1}/{settings.epochs}: {described(latest)}")
            shown = time.monotonic()
    means = {name: float(torch.stack(values).mean()) for name, values in terms.items()}
    return {**means, "learning_rate": rate}


def described(terms: Mapping[str, Tensor] | Mapping[str, float]) -> str:
    """Write loss terms for people."""
    return ", ".join(f"{name} {float(value):z.4f}" for name, value in terms.items())


def learning_rate(settings: TrainingSettings, step: int, steps: int) -> float:
    """Return the learning rate at a step, 0 <= step < steps.

    With the cosine schedule it rises linearly over the first tenth of the steps, then falls to zero.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return settings.learning_rate * (step + 1) / warm_up
    fraction = (step - warm_up) / max(1, steps - warm_up)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))
