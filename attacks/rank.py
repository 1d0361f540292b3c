"""Rank: ascent on the inversion of a whole batch's ranking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from .base import Attack
from .search import nested
from .tools.balls import Norm, ball_around
from .tools.victim import Victim


@dataclass(frozen=True)
class Rank(Attack):
    """Iterated ascent on how far the ranking of a batch by its scores is inverted.

    Score reflection has two targets, so the order inside each half of the labels survives it; here every
    pair counts. The images of a batch depend on one another: other batches give other images. A larger
    epsilon starts from what a smaller one found.

    Attributes:
        form: "pairwise": the sum over pairs of how far the worse image is above the better, up to `margin`
            (a hinge). "pearson": minus Pearson's correlation of scores and labels.
        steps: Gradient steps for each epsilon; their length falls from half the radius to a twentieth of it.
        margin: Margin of the hinge, in units of the score.
        norm: Norm of the ball, "linf" or "l2".
        eight_bit: Round every adversarial image to 256 grey levels inside the ball.
    """

    version: ClassVar[int] = 2
    nested: ClassVar[bool] = True
    depends_on_batch: ClassVar[bool] = True

    form: Literal["pairwise", "pearson"] = "pairwise"
    steps: Annotated[int, Field(ge=1)] = 40
    margin: Annotated[float, Field(gt=0)] = 0.1
    norm: Norm = "linf"
    eight_bit: bool = False

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`. The objective is the attack's own, and nothing is drawn."""
        victim = replace(victim, objective=self.pairwise if self.form == "pairwise" else against)
        victim = victim.averaged_if_random()
        yield from nested(epsilons, victim.images, partial(self._climb, victim))

    def pairwise(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return each image's share (N,) of the inversion: the mean of the hinge over its pairs."""
        worse = torch.sign(labels[None, :] - labels[:, None]).to(scores)
        inversion = (worse * (scores[:, None] - scores[None, :])).clamp(max=self.margin)
        return (inversion * worse.abs()).mean(1)

    def _gradient(self, victim: Victim, images: Tensor) -> Tensor:
        """Return the gradient; where the objective is flat in an image's score, it is not counted as zero."""
        passes: list[Tensor] = []

        def watched(scores: Tensor, labels: Tensor) -> Tensor:
            passes.append(scores.detach())
            return victim.objective(scores, labels)

        before = victim.record.zero
        gradient = replace(victim, objective=watched).gradient(images)
        if self.form == "pairwise" and victim.record.zero > before:
            flat = torch.stack([self._slopes(scores, victim.labels) for scores in passes]) == 0
            victim.record.zero -= int((flat.all(0) & (gradient == 0).flatten(1).all(1)).sum())
        return gradient

    def _slopes(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return for each image (N,) how many pairs want its score higher, less those that want it lower."""
        worse = torch.sign(labels[None, :] - labels[:, None]).to(scores)
        return (worse * (worse * (scores[:, None] - scores[None, :]) < self.margin)).sum(1)

    def _climb(self, victim: Victim, start: Tensor, epsilon: float) -> Tensor:
        ball = ball_around(victim.images, epsilon, self.norm)
        best, best_value, images = start, victim.values(start).sum(), start
        for step in range(self.steps):
            length = epsilon * (0.5 - 0.45 * step / self.steps)
            images = ball.project(images + length * ball.steepest(self._gradient(victim, images)))
            tried = ball.eight_bit(images) if self.eight_bit else images
            value = victim.values(tried).sum()
            if value > best_value:
                best, best_value = tried, value
        return best


def against(scores: Tensor, labels: Tensor) -> Tensor:
    """Return each image's share (N,) of minus Pearson's correlation of scores and labels."""
    tiny = torch.finfo(scores.dtype).tiny
    scores, labels = scores - scores.mean(), (labels - labels.mean()).to(scores)
    share: Tensor = -scores * labels / (scores.norm() * labels.norm()).clamp(min=tiny)
    return share
