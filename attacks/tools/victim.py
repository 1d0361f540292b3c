"""The task of an attack: a batch, and the values and gradients of the objective around it."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from .gradient import Scorer, values_and_gradient
from .noise import unit_noise
from .objectives import Objective
from .views import offered_views

EOT_SAMPLES = 10  # passes that are averaged for a model whose passes differ

ROUNDING = 1e-6  # of scores: two passes on a GPU may add in another order


@dataclass
class SearchRecord:
    """Counts of a search, besides its images. They add up over batches."""

    gradients: int = 0  # gradients asked for, counted per image
    zero: int = 0  # of these, how many were zero at every pixel
    # Of these, how many were NaN or infinite at a pixel, or belonged to a value that is. A NaN is used as
    # zero.
    nonfinite: int = 0
    # names of the views of the model that showed a gradient of their own
    views: set[str] = field(default_factory=set)
    # for each epsilon of a black-box search, the best value of each image (N,) after some numbers of queries,
    # a list entry for each batch
    query_curve: dict[float, list[dict[int, Tensor]]] = field(default_factory=dict)
    returned: int = 0  # images that another library's attack returned, each counted upwards and downwards
    unmoved: int = 0  # of these, how many were returned as they were
    risen: int = 0  # of these, how many had a higher value of the objective than the clean image
    # largest change of a clean image's score when a gradient is asked for; 0 where passes differ anyway
    watched: float = 0.0

    def checked(self, values: Tensor, gradient: Tensor) -> Tensor:
        """Count the gradients (N, 3, H, W) of values (N,), and return them made finite."""
        most, least = gradient.amax((1, 2, 3)), gradient.amin((1, 2, 3))
        largest = torch.maximum(most, -least)  # NaN or infinite if one pixel's is
        finite = values.isfinite() & largest.isfinite()
        nonfinite = int((~finite).sum())
        self.gradients += len(largest)
        self.nonfinite += nonfinite
        self.zero += int((finite & (largest == 0)).sum())
        return gradient.nan_to_num_() if nonfinite else gradient

    def verify(self, images: Tensor, found: Tensor, clean: Tensor, values: Tensor) -> None:
        """Count what images (N, 3, H, W) and values (N,) an attack of another library found."""
        self.returned += len(images)
        self.unmoved += int((found == images).flatten(1).all(1).sum())
        self.risen += int((values > clean).sum())


@dataclass(frozen=True)
class Victim:
    """A model under attack, with the batch to perturb and what is to increase."""

    model: Scorer  # images (N, 3, H, W) in [0, 1] to scores (N,); in evaluation mode, its weights frozen
    images: Tensor  # (N, 3, H, W) in [0, 1], float32 or float64
    labels: Tensor  # (N,) quality in [0, 1]
    objective: Objective  # what the attack increases
    generator: torch.Generator | None = None  # source of randomness instead of the seed and the image
    eot_samples: int = 1  # forward passes that values and gradients are averaged over
    record: SearchRecord = field(default_factory=SearchRecord)  # counts the gradients

    def averaged(self, eot_samples: int) -> "Victim":
        """Return the victim with values and gradients averaged over this many forward passes."""
        return replace(self, eot_samples=eot_samples)

    def averaged_if_random(self) -> "Victim":
        """Return the victim averaged over `EOT_SAMPLES` passes if passes over the batch differ."""
        return self.averaged(EOT_SAMPLES if self.is_random() else 1)

    def only(self, chosen: Tensor) -> "Victim":
        """Return the victim with some of its images; `chosen` (N,) says which."""
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def through(self, backward: str) -> "Victim":
        """Return the victim with gradients through another backward pass; "own" is the model's own.

        A model may offer others by name (backward pass differentiable approximation, BPDA, Athalye et al.
        2018). If it does not offer the one named, its own is used.
        """
        views = dict(offered_views(self.model))
        return replace(self, model=views[backward]) if backward in views else self

    def is_random(self) -> bool:
        """Return whether passes over the batch differ by more than rounding, with a gradient or without.

        If they do not, the record keeps how far the two kinds of passes are apart.
        """
        plain = [self.scores(self.images) for _ in range(2)]
        if _differ(*plain):
            return True
        with torch.inference_mode(False), torch.enable_grad():
            pixels = self.images.detach().requires_grad_()
            watched = [self.model(pixels).detach() for _ in range(2)]
        if _differ(*watched):
            return True
        apart = (plain[0] - watched[0]).abs().masked_fill(plain[0].isnan() & watched[0].isnan(), 0)
        self.record.watched = max(self.record.watched, float(apart.nan_to_num(1, 1).max()))
        return False

    def scores(self, images: Tensor) -> Tensor:
        """Return scores (N,) without gradient: the means over `eot_samples` plain inference passes."""
        with torch.inference_mode():
            scores = torch.stack([self.model(images) for _ in range(self.eot_samples)]).mean(0)
        return scores.clone()

    def values(self, images: Tensor) -> Tensor:
        """Return the values (N,) of the objective, of `scores`."""
        return self.objective(self.scores(images), self.labels)

    def gradient(self, images: Tensor) -> Tensor:
        """Return the gradient (N, 3, H, W) of the objective at images (N, 3, H, W); a new tensor."""
        return self.values_and_gradient(images)[1]

    def values_and_gradient(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values (N,) of the objective and their gradient (N, 3, H, W), from the same passes."""
        values, gradient = values_and_gradient(
            self.model, images, self.labels, self.objective, self.eot_samples
        )
        return values, self.record.checked(values, gradient)

    def noise(self, seed: int) -> Tensor:
        """Return uniform noise (N, 3, H, W) in [-1, 1): of the seed and each image, or the generator's."""
        return unit_noise(self.images, seed, self.generator)


def _differ(first: Tensor, second: Tensor) -> bool:
    return not torch.allclose(first, second, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
