"""An attack of torchattacks, run upwards and downwards on a score."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...bench.core.errors import UserError
from ..search import Search
from ..tools.balls import Ball, wide
from ..tools.noise import generators
from ..tools.victim import Victim
from .catalogue import Offered
from .classifier import ScoreClassifier


@dataclass(frozen=True)
class Torchattack(Search):
    """Base class of an attack of torchattacks, for the subclasses that `library.resolve` makes.

    torchattacks starts from the clean image at every epsilon. Where it moves a score less far than at a
    smaller epsilon, the image of that one is kept. How many images it returned as they were, and how many
    scores moved in the wanted direction, is kept in the record.
    """

    version: ClassVar[int] = 2

    attack: ClassVar[str]  # name in torchattacks
    offered: ClassVar[Offered]  # what is known of it

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`; the start is not used.

        Raises:
            UserError: torchattacks fails on the model or on images of this shape.
        """
        clean = victim.values(victim.images)
        found = torch.cat(
            [self._attacked(victim.only(rows), ball.epsilon, clean[rows]) for rows in self._pieces(victim)]
        )
        whole = wide(found.isfinite().flatten(1).all(1))
        # Elsewhere it is a zero gradient that torchattacks divided by itself.
        found = torch.where(whole, found, victim.images)
        victim.record.verify(victim.images, found, clean, victim.values(found))
        return found

    def _pieces(self, victim: Victim) -> Iterator[Tensor]:
        """Yield the rows to attack at once: one at a time where each image has draws of its own."""
        rows = torch.arange(len(victim.images), device=victim.images.device)
        yield from torch.split(rows, 1 if self.offered.draws else len(rows))

    def _attacked(self, victim: Victim, epsilon: float, clean: Tensor) -> Tensor:
        import torchattacks

        given = {name: getattr(self, name) for name in self.offered.parameters}
        given[self.offered.radius] = epsilon
        if step := self.offered.step:
            length = getattr(self, step)
            given[step] = self.offered.share * epsilon if length is None else length
        images = victim.images
        first_classes = torch.zeros(len(images), dtype=torch.long, device=images.device)
        classifier = ScoreClassifier(victim, clean).eval()
        with torch.random.fork_rng(), torch.enable_grad():
            torch.manual_seed(generators(images[:1], self.seed)[0].initial_seed())
            try:
                found: Tensor = getattr(torchattacks, self.attack)(classifier, **given)(
                    images.float(), first_classes
                )
            except UserError:
                raise
            except Exception as error:
                raise UserError(
                    f"torchattacks:{self.attack} fails on images of {images.shape[3]} x {images.shape[2]} "
                    f"pixels: {type(error).__name__}: {error}"
                ) from error
        return found.detach().to(images.dtype)
