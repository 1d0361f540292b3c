"""auto: the interval of scores that an attack can reach for each image, without parameters to tune."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from .apgd import APGD
from .base import Attack, advanced, checked_images
from .mifgsm import MIFGSM
from .search import Search, nested
from .square import Square
from .tools.balls import Norm, ball_around
from .tools.objectives import ascend, descend
from .tools.victim import SearchRecord, Victim
from .tools.views import FiniteDifferences, Lens, View, useful_views

TRIAL = 5 / 3  # gradients that cost as much as a step through a view on trial and the scores after it
TRAVEL = 2.5  # length of all of MI-FGSM's steps, in radii, after Madry's rule: steps can be taken back
CHOICE = 2**31  # added to the seed, so that images are not compared by the draws that they were found with
CLEAN = "clean"  # what reached an end that no member moved


class Budget(NamedTuple):
    """The passes and queries of a budget for each image, epsilon and direction."""

    steps: int  # gradient steps of Auto-PGD, or of MI-FGSM for a model whose passes differ
    # Whether only one step is taken through each view, and the others through the view that moved the image
    # furthest. Otherwise all steps are taken through each view, and as many again from a random start through
    # the best view.
    shared: bool
    queries: int  # scores that Square asks for
    blind_queries: int  # scores that Square asks for where no view shows a gradient
    differences: int  # random directions of a gradient by finite differences, where no view shows one
    eot_samples: int  # passes that are averaged for a model whose passes differ
    choice_samples: int  # passes with which two images of such a model are compared


BUDGETS = {"quick": Budget(20, True, 0, 60, 0, 2, 4), "standard": Budget(100, False, 200, 1000, 20, 10, 50)}


class Interval(NamedTuple):
    """The scores attained within one epsilon."""

    low_images: Tensor  # (N, 3, H, W), the images with the lowest scores found
    high_images: Tensor  # (N, 3, H, W), those with the highest
    # (N,) of these images, in plain inference passes apart from the search; the means over `choice_samples`
    # passes for a model whose passes differ.
    low_scores: Tensor
    high_scores: Tensor
    # For each image, the member and the view of the model that found it, such as `apgd`, `mifgsm` or
    # `apgd (soft_ranks_0.2)`; `clean` for an image that nothing moved.
    low_by: list[str]
    high_by: list[str]


@dataclass(frozen=True)
class Auto(Attack):
    """The furthest that any member attack moves each score, upwards and downwards.

    Auto-PGD searches through every view of the model that shows another gradient: its own, the backward
    passes it offers, one that sees through operations that stop a gradient, its logit. A model whose passes
    differ is searched by MI-FGSM instead: Auto-PGD chooses its steps by the values along its way, which are
    mostly noise there, while a sum of gradients improves with their number. Square asks for scores only. Each
    candidate is scored by the model itself in a plain inference pass, and an image keeps the one that moved
    its score furthest; the next search starts there, and so does a larger epsilon. One draw of a random model
    moves a score further than the choice between two candidates does, so both are scored with the same draws.

    Attributes:
        budget: `quick` or `standard`; see `BUDGETS`.
        norm: Norm of the ball, "linf" or "l2".
        eight_bit: Round every adversarial image to 256 grey levels inside the ball.
        seed: Seed of random draws, together with each image.
    """

    version: ClassVar[int] = 5
    intervals: ClassVar[bool] = True
    needs_gradient: ClassVar[bool] = False

    budget: Literal["quick", "standard"] = "standard"
    norm: Norm = "linf"
    eight_bit: bool = False
    seed: Annotated[int, Field(ge=0)] = 0

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """See `Attack.run`: the end that the objective asks for. Nothing is drawn from the generator."""
        victim, lenses = self._prepared(victim)
        end = self._end(victim, lenses)

        def extended(_: Tensor, epsilon: float) -> Tensor:
            self._extend(end, epsilon)
            return end.images.clone()

        yield from nested(epsilons, victim.images, extended)

    def interval(
        self,
        model: nn.Module,
        images: Tensor,
        epsilons: Sequence[float],
        *,
        record: SearchRecord | None = None,
    ) -> Iterator[Interval]:
        """Yield the interval attained within each epsilon.

        Args:
            model: Takes images (N, 3, H, W) in [0, 1] and gives scores (N,); it is left unchanged.
            images: (N, 3, H, W) in [0, 1], float32 or float64.
            epsilons: Radii of the ball, in pixel units of [0, 1], ascending.
            record: What the search notes besides the intervals; filled while they are yielded.

        Raises:
            ValueError: Images have another shape, type or range, or epsilons do not ascend.
            UserError: An epsilon is not in [0, 1].
        """
        if list(epsilons) != sorted(set(epsilons)):
            raise ValueError(f"expected ascending epsilons, got {list(epsilons)}")
        labels = torch.zeros(len(images), device=images.device)
        images = checked_images(images, labels, epsilons)
        victim = Victim(model, images, labels, ascend, record=record or SearchRecord())
        return advanced(model, self._intervals(victim, epsilons))

    def _intervals(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Interval]:
        victim, lenses = self._prepared(victim)
        low, high = self._end(replace(victim, objective=descend), lenses), self._end(victim, lenses)
        for epsilon in epsilons:
            if epsilon > 0:
                self._extend(low, epsilon)
                self._extend(high, epsilon)
            images = low.images.clone(), high.images.clone()
            yield Interval(*images, -low.values, high.values.clone(), [*low.by], [*high.by])

    def _prepared(self, victim: Victim) -> tuple[Victim, list[Lens]]:
        eot_samples = BUDGETS[self.budget].eot_samples if victim.is_random() else 1
        victim = replace(victim, generator=None, eot_samples=eot_samples)
        lenses = useful_views(
            victim.model, lambda scorer: replace(victim, model=scorer).gradient(victim.images)
        )
        victim.record.views |= {lens.view.name for lens in lenses}
        return victim, lenses

    def _end(self, victim: Victim, lenses: list[Lens]) -> "_End":
        draws = 1 if victim.eot_samples == 1 else BUDGETS[self.budget].choice_samples
        return _End(victim, lenses, draws, self.seed)

    def _extend(self, end: "_End", epsilon: float) -> None:
        """Move one end of the intervals outwards, within one epsilon."""
        budget = BUDGETS[self.budget]
        climb: APGD | MIFGSM = APGD(norm=self.norm, seed=self.seed, steps=budget.steps)
        if end.victim.eot_samples > 1:
            climb = MIFGSM(norm=self.norm, seed=self.seed, steps=budget.steps, travel=TRAVEL)
        lenses = end.lenses
        if budget.shared and len(lenses) > 1:
            lenses = self._tried(end, climb, epsilon)
            climb = replace(climb, steps=max(1, climb.steps - math.ceil(len(lenses) * TRIAL)))
        for lens in lenses:
            self._search(end, climb, epsilon, lens.useful, lens.view)
        for lens in lenses if not budget.shared else ():
            found_by = torch.tensor([by == _named(climb, lens.view) for by in end.by])
            self._search(end, climb, epsilon, found_by.to(lens.useful.device), lens.view, anew=True)
        nothing = torch.zeros(len(end.images), dtype=torch.bool, device=end.images.device)
        blind = ~torch.stack([nothing, *(lens.useful for lens in end.lenses)]).any(0)
        if budget.differences:
            view = FiniteDifferences(end.victim.model, budget.differences, epsilon / 2, self.seed)
            estimated = View("finite differences", view)
            self._search(end, replace(climb, steps=10), epsilon, blind, estimated)
        square = Square(norm=self.norm, seed=self.seed, queries=max(2, budget.queries))
        if budget.queries:
            self._search(end, square, epsilon, ~blind)
        self._search(end, replace(square, queries=budget.blind_queries), epsilon, blind)

    def _tried(self, end: "_End", climb: Search, epsilon: float) -> list[Lens]:
        """Take one step through each view, and leave each image to the view that moved it furthest."""
        start, rows = end.images.clone(), len(end.lenses)
        reached = end.values.new_full((rows, len(start)), -math.inf)
        for number, (view, useful) in enumerate(end.lenses):
            if not useful.any():
                continue
            victim = end.victim.only(useful)
            ball = ball_around(victim.images, epsilon, self.norm)
            gradient = replace(victim, model=view.scorer).gradient(start[useful])
            images = ball.project(start[useful] + 2 * epsilon * ball.steepest(gradient))
            images = ball.eight_bit(images) if self.eight_bit else images
            reached[number, useful] = end.offer(_named(climb, view), useful, images)
        furthest = reached.nan_to_num(-math.inf).argmax(0)
        return [Lens(view, useful & (furthest == number)) for number, (view, useful) in enumerate(end.lenses)]

    def _search(
        self,
        end: "_End",
        member: Search,
        epsilon: float,
        chosen: Tensor,
        view: View | None = None,
        *,
        anew: bool = False,
    ) -> None:
        """Let a member search for the chosen (N,) images, and keep what moved their scores further.

        It sees the model by a view, or as it is. With `anew` it starts from a random point instead of the
        furthest found.
        """
        if not chosen.any():
            return
        victim = end.victim.only(chosen)
        ball = ball_around(victim.images, epsilon, self.norm)
        start = ball.spread(victim.noise(self.seed + 1)) if anew else end.images[chosen]
        seen = victim if view is None else replace(victim, model=view.scorer)
        images = member.search(seen, ball, start)
        images = ball.eight_bit(images) if self.eight_bit else images
        end.offer(_named(member, view), chosen, images)


@dataclass
class _End:
    """One end of each image's interval."""

    victim: Victim  # with the objective that points outwards
    lenses: list[Lens]  # the views of the model to search through
    draws: int  # passes that a score is the mean of; more than one for a model whose passes differ
    seed: int  # of the draws in these passes, together with `CHOICE`
    images: Tensor = field(init=False)  # (N, 3, H, W), the furthest found
    values: Tensor = field(init=False)  # (N,) of the objective there
    by: list[str] = field(init=False)  # what found each
    # Whether the values come from passes over the whole batch, as the next ones may: then both have the same
    # draws, and the images that are kept need not be scored again.
    whole: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self.images = self.victim.images.clone()
        self.values = self._values(self.victim, self.images)
        self.by = [CLEAN] * len(self.images)

    def offer(self, name: str, chosen: Tensor, images: Tensor) -> Tensor:
        """Take images that move the score further, for those that are chosen (N,); return their values.

        Where a score is the same, as of a saturated model, the newer image is the better start.
        """
        victim = self.victim.only(chosen)
        values, whole = self._values(victim, images), bool(chosen.all())
        if self.draws > 1 and not (whole and self.whole):
            self.values[chosen] = self._values(victim, self.images[chosen])
        self.whole = whole
        rows, before = chosen.nonzero().flatten(), self.values[chosen]
        further = (values > before) | (before.isnan() & ~values.isnan())
        moved = rows[further | (values == before)]
        self.images[moved] = images[further | (values == before)]
        self.values[rows[further]] = values[further]
        for row in rows[further].tolist():
            self.by[row] = name
        return values

    def _values(self, victim: Victim, images: Tensor) -> Tensor:
        """Return the values (N,) of a batch. A random model makes the same draws in every call for it."""
        if self.draws == 1:
            return victim.values(images)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed + CHOICE)
            return victim.averaged(self.draws).values(images)


def _named(member: Search, view: View | None) -> str:
    name = {APGD: "apgd", MIFGSM: "mifgsm", Square: "square"}[type(member)]
    return name if view is None or view.name == "own" else f"{name} ({view.name})"
