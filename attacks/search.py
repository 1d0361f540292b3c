"""What searches for attainable intervals share: the loop over nested epsilons, and which images they keep."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from .base import Attack
from .tools.balls import Ball, Norm, ball_around, wide
from .tools.victim import Victim


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
        victim = replace(victim, generator=None).averaged_if_random()
        yield from nested(epsilons, victim.images, partial(self._improved, victim))

    @abstractmethod
    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """Return images (N, 3, H, W) of the ball, with values as high as the search can find.

        Args:
            victim: The model, the batch, and the objective's values and gradients.
            ball: Where to search.
            start: (N, 3, H, W): images of the ball to start from.
        """

    def _improved(self, victim: Victim, start: Tensor, epsilon: float) -> Tensor:
        """Return what the search finds within epsilon where it is better than the start."""
        ball = ball_around(victim.images, epsilon, self.norm)
        images = self.search(victim, ball, start)
        images = ball.eight_bit(images) if self.eight_bit else images
        worse = victim.values(images) < victim.values(start)
        return torch.where(wide(worse), start, images)


def nested(
    epsilons: Sequence[float], start: Tensor, improved: Callable[[Tensor, float], Tensor]
) -> Iterator[Tensor]:
    """Yield what is found within each epsilon, in order; a larger one starts from what a smaller one found.

    `improved` takes images to start from and an epsilon. It is called for each in ascending order, once.
    """
    to_do, best, found = sorted(set(epsilons)), start, {}
    for epsilon in epsilons:
        while epsilon not in found:
            radius = to_do.pop(0)
            best = found[radius] = improved(best, radius)
        yield found[epsilon].clone()


def higher(best: Tensor, value: Tensor, images: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """Return those of two batches with the higher values, image by image, and these; else the first.

    Images are (N, 3, H, W), with values (N,): `best` with `value`, `images` with `found`.
    """
    rises = found > value
    return torch.where(wide(rises), images, best), torch.where(rises, found, value)
