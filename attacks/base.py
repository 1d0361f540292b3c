"""What attacks share: the contract and its checks, the loop over epsilons, and leaving a model unchanged."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ..bench.core.errors import UserError
from .tools.gradient import undisturbed
from .tools.objectives import Objective, score_reflection
from .tools.victim import SearchRecord, Victim

Found = TypeVar("Found")


class Attack(ABC):
    """An attack is its hyper-parameters; `perturb` runs it on one batch. A subclass implements `run`.

    Attributes:
        version: Raised when the attack computes other images than before, so that stored results of the
            version before are not taken for its own.
        nested: Whether the images of an epsilon depend on the smaller ones that it is run with, as where a
            search starts from what a smaller ball held.
        needs_gradient: Whether it can do nothing with a model that shows no gradient (`black_box = True`).
        control: Whether it is no attack but a control: a change of the same size that does not look at the
            model. Reports tell what models lose under it apart from what attacks find.
    """

    version: ClassVar[int] = 1
    nested: ClassVar[bool] = False
    needs_gradient: ClassVar[bool] = True
    control: ClassVar[bool] = False

    def perturb(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilons: Sequence[float],
        *,
        generator: torch.Generator | None = None,
        objective: Objective = score_reflection,
        record: SearchRecord | None = None,
    ) -> Iterator[Tensor]:
        """Yield one adversarial batch per epsilon, in order.

        Args:
            model: Takes images (N, 3, H, W) in [0, 1] and gives scores (N,); it is left unchanged.
            images: (N, 3, H, W) in [0, 1], float32 or float64.
            labels: (N,) quality in [0, 1], higher is better.
            epsilons: Radii of the L-inf ball, in pixel units of [0, 1].
            generator: Source of randomness, on the CPU: one draw per image, in order. Default: draws made
                from the attack's seed and the image itself, the same in any batch and any order.
            objective: What is to increase: score reflection, or `ascend` or `descend` for one direction.
            record: What the search notes besides its images; filled while batches are yielded.

        Yields:
            (N, 3, H, W): inside [0, 1] and within epsilon of `images`.

        Raises:
            ValueError: Images or labels have another shape, type or range.
            UserError: An epsilon is not in [0, 1], or the model gives no gradient or no score per image.
        """
        images = checked_images(images, labels, epsilons)
        victim = Victim(model, images, labels, objective, generator, record=record or SearchRecord())
        return self._batches(model, victim, epsilons)

    @abstractmethod
    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """Yield one new adversarial batch per epsilon, in order.

        The model is in evaluation mode and its weights are frozen whenever this runs.

        Args:
            victim: The model, the batch, and the objective's values and gradients.
            epsilons: Radii of the ball, all positive.
        """

    def _batches(self, model: nn.Module, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        found = advanced(model, self._found(victim, [epsilon for epsilon in epsilons if epsilon > 0]))
        for epsilon in epsilons:
            batch = next(found, None) if epsilon > 0 else victim.images.clone()
            if batch is None:
                raise UserError(
                    f"{type(self).__name__} yields fewer batches than there are epsilons; `run` yields one "
                    "each"
                )
            yield batch

    def _found(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        """Yield what `run` gives, which may be a list: it is called when the first batch is asked for."""
        found: object = self.run(victim, epsilons)
        if not isinstance(found, Iterable):
            raise UserError(
                f"{type(self).__name__}: `run` gives a {type(found).__name__}; it yields a batch for each "
                "epsilon"
            )
        yield from found


def advanced(model: nn.Module, found: Iterator[Found]) -> Iterator[Found]:
    """Yield what a search yields, with the model undisturbed while it advances and as it was in between.

    So a caller may stop at any yield.
    """
    while True:
        with torch.inference_mode(False), torch.no_grad(), undisturbed(model):
            try:
                item = next(found)
            except StopIteration:
                return
        yield item


def checked_images(images: Tensor, labels: Tensor, epsilons: Sequence[float]) -> Tensor:
    """Return the images, detached, if the batch is what the contract asks for.

    Raises:
        ValueError: Images are not (N, C, H, W) float32 or float64 in [0, 1], or labels not (N,) in [0, 1].
        UserError: An epsilon is not in [0, 1].
    """
    for epsilon in epsilons:
        if not 0 <= epsilon <= 1:
            grey_levels = math.isfinite(epsilon) and epsilon > 1
            hint = f"; for {epsilon:g} grey levels of 255, give {epsilon:g}/255" if grey_levels else ""
            raise UserError(f"epsilon {epsilon:g}: must lie in [0, 1], in units of the pixel range{hint}")
    if images.ndim != 4 or not len(images):
        raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"expected images in float32 or float64, got {images.dtype}, which is too coarse for an epsilon "
            "of a few grey levels; lower precision belongs inside the model (torch.autocast)"
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(f"expected labels of shape ({len(images)},), got {tuple(labels.shape)}")
    _check_range("images", images)
    _check_range("labels", labels)
    with torch.inference_mode(False):
        return images.clone() if images.is_inference() else images.detach()


def _check_range(name: str, values: Tensor) -> None:
    lowest, highest = (bound.item() for bound in torch.aminmax(values.detach()))
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails
        raise ValueError(f"expected {name} in [0, 1], got values from {lowest:g} to {highest:g}")
