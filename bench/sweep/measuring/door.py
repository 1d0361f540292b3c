"""Checks every batch that an attack returns before it is scored, and that the model is as it was."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ...training.random_numbers import seed_all
from .scoring import plain_scores

_ROUNDING = 1e-6  # relative, and of a float32 image of a million pixels
_WATCHED = 2  # images
_OTHER_KERNELS = 1e-4  # of a score: other kernels of a GPU and other orders of summation stay below it
_SEED = 0


@dataclass(frozen=True)
class Distances:
    """Distances of the furthest image of a batch from its original."""

    linf: float  # largest difference of a pixel, in units of 1/255
    l2: float  # largest Euclidean distance, in pixel units of [0, 1]

    def larger(self, other: "Distances") -> "Distances":
        """Return the larger of each distance."""
        return Distances(max(self.linf, other.linf), max(self.l2, other.l2))

    def record(self) -> dict[str, Any]:
        """Return the distances under the names that a cell keeps them by."""
        return {"largest_linf": round(self.linf, 6), "largest_l2": round(self.l2, 6)}


def distances(
    images: Tensor, adversarial: Tensor, epsilon: float, *, norm: Literal["linf", "l2"], attack: str
) -> Distances:
    """Check what an attack returned against its ball, and measure how far it is from the images.

    Images are (N, 3, H, W) in [0, 1]; epsilon is in the same units.

    Raises:
        UserError: another shape, type or device, a value that is not finite or outside [0, 1], or an image
            outside the ball.
    """
    if not isinstance(adversarial, Tensor) or adversarial.shape != images.shape:
        found = f"shape {tuple(adversarial.shape)}" if isinstance(adversarial, Tensor) else repr(adversarial)
        raise UserError(f"attack {attack!r}: returned {found:.100} for images of {tuple(images.shape)}")
    if adversarial.dtype != images.dtype:
        raise UserError(
            f"attack {attack!r}: returned images of type {adversarial.dtype} for {images.dtype}: an epsilon "
            "of a few grey levels is lost in coarser numbers"
        )
    if adversarial.layout != images.layout or adversarial.device != images.device:
        raise UserError(
            f"attack {attack!r}: returned a {adversarial.layout} tensor on {adversarial.device} for one of "
            f"{images.layout} on {images.device}"
        )
    every = tuple(range(1, adversarial.ndim))
    lowest, highest = float(adversarial.amin(every).min()), float(adversarial.amax(every).max())
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails
        raise UserError(f"attack {attack!r}: returned pixels from {lowest:g} to {highest:g}, outside [0, 1]")
    difference = adversarial - images
    furthest = torch.linalg.vector_norm(difference, dim=every).max()
    reached = Distances(255 * float(difference.abs_().amax(every).max()), float(furthest))
    radius = reached.linf / 255 if norm == "linf" else reached.l2
    if radius > epsilon + _ROUNDING * max(1.0, epsilon):
        raise UserError(
            f"attack {attack!r}: returned an image outside its ball: {255 * radius:.4g}/255 from the "
            f"original in the {'L-inf' if norm == 'linf' else 'L2'} norm, where {255 * epsilon:.4g}/255 is "
            "allowed; an attack on another norm says so by its attribute `norm`"
        )
    return reached


class Witness:
    """Compares the scores of a few images before and after an attack. A random model is not watched.

    The first of the images (N, 3, H, W) in [0, 1] are scored by the model, which is in evaluation mode and on
    their device. Messages name `what` is measured.
    """

    def __init__(self, model: nn.Module, images: Tensor, what: str) -> None:
        self._model = model
        self._images = images[:_WATCHED].clone()
        self._what = what
        self._before = self._scores()

    def check(self) -> None:
        """Score the images again; raise `UserError` if their scores have changed."""
        if getattr(self._model, "stochastic", False):
            return
        now = self._scores()
        if not self._same(now):
            raise UserError(
                f"{self._what}: the model gives one image the score {self._before[0]:.6g} before and "
                f"{now[0]:.6g} after: an attack must leave the model as it was, and a model must not change "
                "by being used; nothing of it is kept"
            )

    def check_batch(self, scores: np.ndarray) -> None:
        """Raise `UserError` if the images have other scores (N,) in the batch that they are the first of."""
        if not getattr(self._model, "stochastic", False) and not self._same(scores[: len(self._before)]):
            raise UserError(
                f"{self._what}: the model gives one image the score {self._before[0]:.6g} in a batch of "
                f"{len(self._before)} and {scores[0]:.6g} in one of {len(scores)}: a score depends on one "
                "image and nothing else; nothing of it is kept"
            )

    def _same(self, scores: np.ndarray) -> bool:
        tolerance = max(_OTHER_KERNELS, getattr(self._model, "rounding", 0.0))
        return np.allclose(self._before, scores, rtol=tolerance, atol=tolerance, equal_nan=True)

    def _scores(self) -> np.ndarray:
        seed_all(_SEED)
        return plain_scores(self._model, self._images)
