"""Fitting a model: the plain regression recipe, and how a recipe is chosen by the model.

Every random number of an epoch is drawn from (seed, epoch), and the learning rate is a function of the
step. So an epoch does not depend on how the process came to it, and a resumed run ends in the same weights.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import TrainingSettings
from .errors import UserError, nearest
from .images import PixelCache, to_float
from .prefetch import prefetched
from .progress import Progress
from .snapshot import Snapshot

PASSES_PER_STEP = 3  # of an image: forward, and backward to activations and weights
WARM_UP = 0.1  # share of the steps in which the cosine schedule rises


@dataclass(frozen=True)
class TrainingData:
    """The training images of one dataset.

    Attributes:
        cache: Pixels.
        rows: (N,) indices into the cache.
        quality: (N,) labels in [0, 1].
    """

    cache: PixelCache
    rows: np.ndarray
    quality: np.ndarray

    def batches(
        self, epoch: int, *, seed: int, batch_size: int, flip: bool
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch's random crops, uint8 (B, 3, S, S), and labels (B,), without a last smaller batch."""
        randomness = np.random.default_rng([seed, epoch])
        order = randomness.permutation(len(self.rows))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            crops = self.cache.train_batch(self.rows[chosen].tolist(), randomness, flip=flip)
            yield crops, torch.tensor(self.quality[chosen], dtype=torch.float32)

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch."""
        return len(self.rows) // batch_size


@dataclass(frozen=True)
class TrainingRun:
    """Everything a recipe is given besides the model.

    Attributes:
        data: What to fit.
        settings: `[training]`.
        seed: Of the order of images, of crops and of the model's own random numbers.
        device: Where to compute.
        snapshot: File for resuming after an interruption.
        progress: To be advanced by `PASSES_PER_STEP` per image and step.
    """

    data: TrainingData
    settings: TrainingSettings
    seed: int
    device: torch.device
    snapshot: Path
    progress: Progress


Curve = list[dict[str, float]]
Recipe = Callable[[nn.Module, TrainingRun], Curve]


def recipe_of(model: object) -> str:
    """The name of the recipe that a model or its class asks for by `recipe`; "none": it comes fitted.

    Raises:
        UserError: there is no such recipe.
    """
    name = getattr(model, "recipe", "regression")
    if name != "none" and name not in RECIPES:
        raise UserError(f"unknown training recipe {name!r}: {nearest(str(name), [*RECIPES, 'none'])}")
    return str(name)


def fit_regression(model: nn.Module, run: TrainingRun) -> Curve:
    """Minimise the mean squared error between score and quality with AdamW.

    Args:
        model: Fitted in place, left on the run's device.
        run: Data, settings, seed and where to keep a snapshot.

    Returns:
        A row per epoch: `epoch`, `loss` (mean over the epoch's steps), `learning_rate` (of its last step).
        Training stops after an epoch whose loss is not finite; its row is the last.
    """
    settings, data = run.settings, run.data
    model.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps_per_epoch = data.steps(settings.batch_size)
    snapshot = Snapshot(run.snapshot)
    state = snapshot.restore(model, {"optimizer": optimizer})
    curve: Curve = state["curve"] if state else []
    run.progress.advance(len(curve) * steps_per_epoch * settings.batch_size * PASSES_PER_STEP)

    for epoch in range(len(curve), settings.epochs):
        losses = []
        torch.manual_seed(_epoch_seed(run.seed, epoch))
        model.train()
        batches = data.batches(epoch, seed=run.seed, batch_size=settings.batch_size, flip=settings.flip)
        for step, (crops, quality) in enumerate(
            prefetched(batches, run.device), start=epoch * steps_per_epoch
        ):
            rate = learning_rate(settings, step, settings.epochs * steps_per_epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = F.mse_loss(model(to_float(crops, run.device)), quality.to(run.device))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
            run.progress.advance(len(crops) * PASSES_PER_STEP)
        mean_loss = float(torch.stack(losses).mean())
        curve.append({"epoch": epoch + 1, "loss": mean_loss, "learning_rate": rate})
        if not math.isfinite(mean_loss):
            break
        snapshot.save_if_due(model, {"optimizer": optimizer}, {"curve": curve})
    return curve


def learning_rate(settings: TrainingSettings, step: int, steps: int) -> float:
    """The learning rate at a step, 0 <= step < steps.

    With the cosine schedule it rises linearly over the first tenth of the steps, then falls to zero.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return settings.learning_rate * (step + 1) / warm_up
    fraction = (step - warm_up) / max(1, steps - warm_up)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


RECIPES: dict[str, Recipe] = {"regression": fit_regression}
