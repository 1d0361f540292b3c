"""Every batch that an attack returns is checked before it is scored, whoever wrote the attack."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ...core.errors import UserError

_ROUNDING = 1e-6  # relative, and of a float32 image of a million pixels


@dataclass(frozen=True)
class Distances:
    """Distances of the furthest image of a batch from its original.

    Attributes:
        linf: Largest difference of a pixel, in units of 1/255.
        l2: Largest Euclidean distance, in pixel units of [0, 1].
    """

    linf: float
    l2: float

    def larger(self, other: "Distances") -> "Distances":
        """Return the larger of each distance."""
        return Distances(max(self.linf, other.linf), max(self.l2, other.l2))

    def record(self) -> dict[str, Any]:
        """Return the distances under the names that a cell keeps them by."""
        return {"largest_linf": round(self.linf, 6), "largest_l2": round(self.l2, 6)}


def distances(
    images: Tensor, adversarial: Tensor, epsilon: float, *, norm: Literal["linf", "l2"], attack: str
) -> Distances:
    """Check an adversarial batch against its ball, and measure how far it is from the images.

    Args:
        images: (N, 3, H, W) in [0, 1].
        adversarial: What the attack returned for them.
        epsilon: Radius of the ball, in pixel units of [0, 1].
        norm: Of the ball.
        attack: Name of the attack, for the message.

    Raises:
        UserError: another shape or type, a value that is not finite, outside [0, 1] or outside the ball.
    """
    if not isinstance(adversarial, Tensor) or adversarial.shape != images.shape:
        found = f"shape {tuple(adversarial.shape)}" if isinstance(adversarial, Tensor) else repr(adversarial)
        raise UserError(f"attack {attack!r}: returned {found:.100} for images of {tuple(images.shape)}")
    if adversarial.dtype != images.dtype:
        raise UserError(
            f"attack {attack!r}: returned images of type {adversarial.dtype} for {images.dtype}: an epsilon "
            "of a few grey levels is lost in coarser numbers"
        )
    lowest, highest = (float(bound) for bound in torch.aminmax(adversarial))
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails
        raise UserError(f"attack {attack!r}: returned pixels from {lowest:g} to {highest:g}, outside [0, 1]")
    difference = (adversarial - images).flatten(1)
    reached = Distances(255 * float(difference.abs().max()), float(difference.norm(dim=1).max()))
    radius = reached.linf / 255 if norm == "linf" else reached.l2
    if radius > epsilon + _ROUNDING * max(1.0, epsilon):
        raise UserError(
            f"attack {attack!r}: returned an image outside its ball: {255 * radius:.4g}/255 from the "
            f"original in the {'L-inf' if norm == 'linf' else 'L2'} norm, where {255 * epsilon:.4g}/255 is "
            "allowed; an attack on another norm says so by its attribute `norm`"
        )
    return reached
