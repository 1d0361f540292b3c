"""What the indicators share: scores, gradients and searches of one model, computed once, when asked for."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...attacks.tools.balls import LinfBall, wide
from ...attacks.tools.gradient import NoGradientError, Scorer, values_and_gradient
from ...attacks.tools.noise import patch_signs, unit_noise
from ...attacks.tools.objectives import ascend
from ...attacks.tools.views import View, offered_views
from ...models.check import blaming
from ..core.errors import UserError

GREY_LEVEL = 1 / 255  # in pixel units of [0, 1]
SMALL_STEP = 0.5 * GREY_LEVEL  # along which a model's gradient should still foretell its score
RANDOM_DIRECTIONS = 8
STARTS = 3  # of the search, the image itself first
DRAWS, EOT_SAMPLES = 6, 2  # passes over which scores and gradients in a search are averaged, if they differ
EXACT = 1e-7  # scores no further apart are the same: the resolution of float32 near 1


class Mean(NamedTuple):
    """Mean scores (N,) over draws and their standard errors (N,), zero for a model that is not random."""

    value: Tensor
    error: Tensor


class Search(NamedTuple):
    """A run of projected gradient ascent: its last images (N, 3, H, W), and gains (N,) in plain passes."""

    images: Tensor  # the last iterate
    gain: Tensor  # how far it moved each score in its direction
    late_gain: Tensor  # how much of the gain came in the last fifth of the steps


@dataclass
class Evidence:
    """Scores, gradients and searches of one model; a model undisturbed by an audit is to be passed.

    Each image is pushed in one direction: up where its score lies in the lower half of the clean range, down
    otherwise, because there it has room. A gain is a change in that direction.
    """

    model: nn.Module  # images (N, 3, H, W) in [0, 1] to scores (N,); in evaluation mode, its weights frozen
    images: Tensor  # (N, 3, H, W) in [0, 1]
    # whether the model says that two passes may differ; scores are then means over `draws`
    stochastic: bool = False
    source: nn.Module | None = None  # another model, whose perturbations are tried on this one; None: none
    epsilon: float = 2 * GREY_LEVEL  # radius of the searches, in pixel units of [0, 1]
    steps: int = 15  # gradient steps of a search
    queries: int = 100  # scores that the black-box search asks for
    seed: int = 0  # of noise and random directions
    # a copy of the model from before the audit; None for one that cannot be copied
    fresh: nn.Module | None = field(init=False)
    scored: int = field(init=False, default=0)  # scores asked for so far
    nonfinite: int = field(init=False, default=0)  # of these, how many were NaN or infinite
    _draws: int = field(init=False)

    def __post_init__(self) -> None:
        self._draws = DRAWS if self.stochastic else 1
        try:
            self.fresh = copy.deepcopy(self.model)
        except Exception:  # a model may hold what cannot be copied
            self.fresh = None

    # Scores

    def once(self, images: Tensor, model: nn.Module | None = None) -> Tensor:
        """Return scores (N,) of one plain pass, of another model if one is given."""
        model = model or self.model
        with torch.inference_mode(), blaming(model, f"cannot score images of {tuple(images.shape)}"):
            scores = model(images)
            if not isinstance(scores, Tensor) or scores.shape != images.shape[:1]:
                raise UserError(f"{type(model).__name__}: a model gives one score for each image, (N,)")
        self.scored += len(scores)
        self.nonfinite += int((~scores.isfinite()).sum())
        return scores.clone().double()

    def mean(self, images: Tensor, draws: int | None = None, model: nn.Module | None = None) -> Mean:
        """Return mean scores over fresh draws; of one pass for a model that does not say it is random."""
        draws = draws or self._draws
        if not self.stochastic:
            return exactly(self.once(images, model))
        scores = torch.stack([self.once(images, model) for _ in range(draws)])
        return Mean(scores.mean(0), scores.std(0) / draws**0.5)

    def gain(self, images: Tensor, draws: int | None = None) -> Tensor:
        """Return how far (N,) images moved the scores; over as many draws as `clean`, or `draws`."""
        moved = self.mean(images, draws or 4 * self._draws)
        return self.direction * (moved.value - self.clean.value)

    @cached_property
    def clean(self) -> Mean:
        """Scores of the images as they are."""
        return self.mean(self.images, 4 * self._draws)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest clean score."""
        return float(self.clean.value.min()), float(self.clean.value.max())

    @cached_property
    def span(self) -> float:
        """Length of the clean range, by which changes of a score are large or small; never quite zero."""
        low, high = self.ends
        return max(high - low, 1e-6)

    @cached_property
    def direction(self) -> Tensor:
        """(N,): 1 where the score is to rise, -1 where it is to fall."""
        up = self.clean.value < sum(self.ends) / 2
        return torch.where(up, 1.0, -1.0).to(self.clean.value)

    def noisy(self, amplitude: float, seed: int = 0) -> Tensor:
        """Return the images with uniform noise of an amplitude in pixel units."""
        noise = unit_noise(self.images, self.seed + 1000 + seed)
        return LinfBall(self.images, amplitude).spread(noise)

    def changed(self, before: Mean, after: Mean) -> float:
        """Return the largest difference of two means, beyond five of their standard errors; at least zero.

        Where the clean range is longer than 1 it is a share of that, for rounding grows with the scale.
        """
        beyond = (after.value - before.value).abs() - 5 * (after.error + before.error)
        return float(beyond.nan_to_num(nan=torch.inf).max().clamp(min=0)) / max(1.0, self.span)

    def amount(self, change: float) -> str:
        """Return what `changed` found for people."""
        return f"{change:.2g}{' of the clean range' if self.span > 1 else ''}"

    # Gradients

    @cached_property
    def views(self) -> list[View]:
        """The model with its own backward pass, and with each that it offers."""
        return [View("own", self.model), *offered_views(self.model)]

    def gradient(self, scorer: Scorer, images: Tensor, passes: int | None = None) -> Tensor:
        """Return the gradient (N, 3, H, W) of the scores, finite or not; zero where there is none."""
        passes = (passes or self._draws) if self.stochastic else 1
        labels = torch.zeros_like(images[:, 0, 0, 0])
        try:
            return values_and_gradient(scorer, images, labels, ascend, passes)[1]
        except NoGradientError:
            return torch.zeros_like(images)
        except RuntimeError as error:
            if "not have been used in the graph" not in str(error):
                raise
            return torch.zeros_like(images)

    @cached_property
    def points(self) -> list[Tensor]:
        """The images at which gradients are looked at, and copies with noise where passes are cheap."""
        return [self.images] if self.stochastic else [self.images, self.noisy(self.epsilon)]

    @cached_property
    def gradients(self) -> list[list[Tensor]]:
        """The gradient of each view at each point."""
        return [[self.gradient(view.scorer, point) for view in self.views] for point in self.points]

    @cached_property
    def best_view(self) -> int:
        """The view whose gradient moves the scores furthest in a small step."""
        if len(self.views) == 1:
            return 0
        stepped = [self.stepped(gradient) for gradient in self.gradients[0]]
        gains = [self.gain(images, self._draws).clamp(min=0).mean() for images in stepped]
        return int(torch.stack(gains).argmax())

    def stepped(self, gradient: Tensor, length: float = SMALL_STEP) -> Tensor:
        """Return the images moved by a length along the sign of the scores' gradient, in their directions."""
        return LinfBall(self.images, length).project(self.images + length * self._uphill(gradient))

    def _uphill(self, gradient: Tensor) -> Tensor:
        return wide(self.direction).to(gradient) * gradient.nan_to_num().sign()

    @cached_property
    def step_gain(self) -> Tensor:
        """Gains (N,) of a small step along the gradient of the best view."""
        return self.gain(self.stepped(self.gradients[0][self.best_view]))

    def random_direction(self, number: int) -> Tensor:
        """Return signs (N, 3, H, W), constant on square patches of a size that the number decides."""
        size = max(1, min(self.images.shape[2:]) // (4, 8, 16, 32)[number % 4])
        return patch_signs(self.images, size, self.seed + number)

    @cached_property
    def random_gain(self) -> Tensor:
        """The furthest (N,) that a small step along random signs, tried both ways, moved each score.

        The best step is scored again, so that a random model gains nothing by the luck of its draws.
        """
        best, images = torch.full_like(self.clean.value, -torch.inf), self.images
        for number in range(RANDOM_DIRECTIONS):
            for sign in (1, -1):
                moved = self.images + sign * SMALL_STEP * self.random_direction(number)
                moved = LinfBall(self.images, SMALL_STEP).project(moved)
                gain = self.gain(moved, self._draws)
                images = torch.where(wide(gain > best), moved, images)
                best = torch.maximum(best, gain)
        return self.gain(images) if self.stochastic else best

    # Searches

    def climb(
        self, scorer: Scorer, ball: LinfBall, start: Tensor, step: float, steps: int
    ) -> tuple[Tensor, Tensor]:
        """Return the last images of projected gradient ascent, and those at four fifths of the steps."""
        images, late = start, start
        for number in range(steps):
            if number == steps - steps // 5:
                late = images
            gradient = self.gradient(scorer, images, EOT_SAMPLES)
            images = ball.project(images + step * self._uphill(gradient))
        return images, late

    @cached_property
    def searches(self) -> Sequence[Search]:
        """Projected gradient ascent (Madry et al. 2018), best view, from the images and random points."""
        ball, scorer = LinfBall(self.images, self.epsilon), self.views[self.best_view].scorer
        found = []
        for start in [self.images, *(self.noisy(self.epsilon, number) for number in range(1, STARTS))]:
            images, late = self.climb(scorer, ball, start, 2.5 * self.epsilon / self.steps, self.steps)
            gain = self.gain(images)
            found.append(Search(images, gain, gain - self.gain(late)))
        return found

    def share_beating(self, gain: Tensor, other: Tensor) -> float:
        """Return the share of images whose gain (N,) is larger than another one, by more than chance.

        Of a random model that is two standard errors of a difference of means over as many draws as `clean`.
        """
        chance = 2 * 2**0.5 * self.clean.error
        return share(gain > other + 0.05 * other.abs() + 0.002 * self.span + chance)

    @cached_property
    def white_box_gain(self) -> Tensor:
        """The furthest (N,) that searches with gradients moved each score."""
        return torch.stack([search.gain for search in self.searches]).amax(0)


def exactly(scores: Tensor) -> Mean:
    """Return scores (N,) of one pass as means without error."""
    return Mean(scores, torch.zeros_like(scores))


def share(flags: Tensor) -> float:
    """Return the share of true entries."""
    return float(flags.double().mean())
