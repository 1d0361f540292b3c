"""A full-reference metric as a function of the distorted image alone, which is what attacks perturb."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...bench.core.errors import UserError

SIDE = 8  # of the thumbnails that images are known by
_KEPT = 64  # references that are kept ready


class Referenced(nn.Module):
    """Finds the reference of each image that it is given, and scores the pair.

    An image is known by its thumbnail, the means of 8 x 8 fields. A perturbation within epsilon moves none of
    them by more than epsilon, so the nearest of the known thumbnails is that of the image itself, or of one
    with the same reference, if those with other references are more than twice epsilon away.

    Args:
        model: From images and references, both (N, 3, H, W) in [0, 1], to scores (N,).
        images: All images that it may be asked for, one after the other, each (1, 3, H, W) in [0, 1].
        names: The reference of each, by name.
        reference: Gives the reference (1, 3, H, W) in [0, 1] of an image by its number.
    """

    def __init__(
        self,
        model: nn.Module,
        images: Sequence[Tensor],
        names: Sequence[str],
        reference: Callable[[int], Tensor],
    ) -> None:
        super().__init__()
        self.model = model
        self.stochastic = bool(getattr(model, "stochastic", False))
        self._reference = reference
        self._numbers: list[int] | None = None  # of the known images that are scored, inside `recognising`
        self._ready: OrderedDict[int, Tensor] = OrderedDict()
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        self.register_buffer(
            "thumbnails", torch.cat([_thumbnail(image) for image in images]), persistent=False
        )
        self.register_buffer("scenes", torch.tensor([numbers[name] for name in names]), persistent=False)

    @cached_property
    def reach(self) -> float:
        """Return the epsilon, in pixel units, up to which every image is known to get its own reference."""
        thumbnails, scenes = self.get_buffer("thumbnails"), self.get_buffer("scenes")
        apart = [
            torch.cdist(thumbnail[None], thumbnails, p=float("inf"))[0][scenes != scene].min()
            for thumbnail, scene in zip(thumbnails, scenes, strict=True)
            if (scenes != scene).any()
        ]
        return float(torch.stack(apart).min()) / 2 if apart else float("inf")

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores (N,) of images (N, 3, H, W) in [0, 1] with their references.

        Raises:
            UserError: an image was changed so much that its reference is not known any more, and not inside
                `recognising`.
        """
        numbers = self._recognised(images) if self._numbers is None else self._numbers
        if len(numbers) == 1:  # `recognising` may have been given one image, of which all are versions
            numbers = numbers * len(images)
        references = [self._of(number) for number in numbers]
        if any(reference.shape[1:] != images.shape[1:] for reference in references):
            raise UserError("an image and its reference differ in size")
        scores: Tensor = self.model(images, torch.cat(references).to(images))
        return scores

    @contextmanager
    def recognising(self, images: Tensor) -> Iterator[None]:
        """Take what is scored inside the context for versions of images (N, 3, H, W), however changed.

        Batches inside are of N images, or for N = 1 of any number.

        Raises:
            UserError: an image is not recognised itself.
        """
        before = self._numbers
        self._numbers = self._recognised(images) if before is None else before
        try:
            yield
        finally:
            self._numbers = before

    def _recognised(self, images: Tensor) -> list[int]:
        """Return the numbers of the known images that images (N, 3, H, W) are nearest to."""
        known = self.get_buffer("thumbnails")
        with torch.no_grad():
            distances = torch.cdist(_thumbnail(images.detach()).to(known), known, p=float("inf"))
            nearest, numbers = distances.min(1)
        if (furthest := float(nearest.max())) > self.reach:
            raise UserError(
                f"an image of a full-reference metric was changed by {255 * furthest:.3g}/255 in the mean of "
                f"a field, and beyond {255 * self.reach:.3g}/255 its reference cannot be told from others"
            )
        found: list[int] = numbers.tolist()
        return found

    def _of(self, number: int) -> Tensor:
        if number not in self._ready:
            self._ready[number] = self._reference(number).to(self.get_buffer("thumbnails").device)
            while len(self._ready) > _KEPT:
                self._ready.popitem(last=False)
        return self._ready[number]


@contextmanager
def recognising(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Let a full-reference metric in a model, if there is one, compare with the references of some images."""
    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, Referenced):
                stack.enter_context(module.recognising(images))
        yield


def _thumbnail(images: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(images.float(), SIDE).flatten(1)
