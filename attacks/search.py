"""What the searches for attainable intervals share: balls of two norms, nested epsilons, and EOT."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from .base import Attack
from .tools.balls import Ball, Norm, ball_around
from .tools.victim import Victim

EOT_SAMPLES = 10  # for a model whose passes differ


@dataclass(frozen=True)
class Search(Attack):
    """A search that never loses what it has found. A subclass implements `search` for one epsilon.

    A larger epsilon starts from what a smaller one found, so that a score attained at one epsilon is attained
    at all larger ones. Values and gradients of a model whose passes differ are averaged over 10 passes.

    Attributes:
        norm: Norm of the ball, "linf" or "l2".
        eight_bit: Round every adversarial image to 256 grey levels, as an image file holds, inside the ball.
        seed: Seed of random draws, together with each image.
        intervals: The attack is to be run with the objectives `ascend` and `descend`, which give the ends of
            each image's interval of attainable scores.
    """

    intervals: ClassVar[bool] = True

    norm: Norm = "linf"
    eight_bit: bool = False
    seed: Annotated[int, Field(ge=0)] = 0

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`. Nothing is drawn from the generator."""
        victim = replace(victim, generator=None)
        victim = victim.averaged(EOT_SAMPLES if victim.is_random() else 1)
        to_do, best, found = sorted(set(epsilons)), victim.images, {}
        for epsilon in epsilons:
            while epsilon not in found:
                radius = to_do.pop(0)
                ball = ball_around(victim.images, radius, self.norm)
                best = found[radius] = self.improved(victim, ball, best)
            yield found[epsilon].clone()

    @abstractmethod
    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """Return images (N, 3, H, W) of the ball, with values as high as the search can find.

        Args:
            victim: The model, the batch, and the objective's values and gradients.
            ball: Where to search.
            start: (N, 3, H, W): images of the ball to start from.
        """

    def improved(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """Return what the search finds where it is better than the start, ready to be yielded."""
        images = self.search(victim, ball, start)
        return better(victim, start, ball.eight_bit(images) if self.eight_bit else images)


def better(victim: Victim, images: Tensor, others: Tensor) -> Tensor:
    """Return, image by image, that of two batches with the higher value; the other where they are equal."""
    lower = victim.values(others) < victim.values(images)
    return torch.where(lower.view(-1, 1, 1, 1), images, others)
