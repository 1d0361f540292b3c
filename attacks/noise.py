"""Random perturbations: the control that shows an attack's effect is not the size of its step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from .base import Attack, checked_images
from .tools.linf import displaced


@dataclass(frozen=True)
class Noise(Attack):
    """Noise as large as an attack's perturbation, without a gradient. The model is not called.

    Attributes:
        kind: `sign`: plus or minus epsilon at every pixel, the size of FGSM's step. `uniform`: drawn
            uniformly from the ball, PGD's random start. All epsilons are one draw, scaled.
        seed: Of the noise, where no generator is passed.
    """

    kind: Literal["sign", "uniform"] = "sign"
    seed: Annotated[int, Field(ge=0)] = 0

    def perturb(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilons: Sequence[float],
        *,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """See `Attack.perturb`."""
        images = checked_images(images, labels, epsilons)
        noise = unit_noise(images, self.seed, generator)
        if self.kind == "sign":
            noise = torch.where(noise < 0, -1.0, 1.0).to(images)
        return (displaced(images, noise, epsilon) for epsilon in epsilons)

    def passes(self, epsilons: int) -> float:
        """See `Attack.passes`."""
        return 0.0


def unit_noise(images: Tensor, seed: int, generator: torch.Generator | None = None) -> Tensor:
    """Uniform noise in [-1, 1), of the images' shape, type and device, drawn on the CPU on any device.

    An image's noise does not depend on the batch it comes in. Without a generator it is a function of the
    seed and the image (in 8 bits, so that rounding does not matter): the same in any order, on any
    machine. With one it is the generator's next draw.
    """
    if generator is None:
        generators = [_own_generator(levels, seed) for levels in _grey_levels(images)]
    else:
        generators = [generator] * len(images)
    draws = [torch.rand(images.shape[1:], generator=own, dtype=images.dtype) for own in generators]
    return torch.stack(draws).mul_(2).sub_(1).to(images.device)


def _grey_levels(images: Tensor) -> Tensor:
    return images.mul(255).round_().to(torch.uint8).cpu()


def _own_generator(levels: Tensor, seed: int) -> torch.Generator:
    digest = blake2b(f"{seed}:".encode() + levels.numpy().tobytes(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest))
