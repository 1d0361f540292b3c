"""How a picture becomes what a model is given: resized and cropped, as it is, or in patches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator
from torch import Tensor

from ..core.errors import UserError
from .pixels import PixelCache

if TYPE_CHECKING:
    from . import Dataset

RESIZE = "resize"  # the paper's protocol, and the default

ACCEPTED = (
    '"resize", "native", "patches", a table { patches = 16, size = 96 } or { resize_crop = [256, 224] }'
)
FULL_BATCH = 320 * 320
"""Pixels of an image that `batch_size` is meant for: the paper's. Of larger pictures a batch holds fewer."""

AUDITED = 320
"""Largest side of the centre that an audit, or a rehearsal, takes of a picture that is scored whole."""

Side = Annotated[int, Field(ge=16)]


@dataclass(frozen=True)
class Patches:
    """Square crops of a picture whose scores are averaged."""

    count: int  # how many
    size: int  # length of their sides in pixels
    seed: int | None = None  # of random positions; None: regular ones

    def positions(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return top and left of each patch, the same for all pictures of one height and width.

        Regular positions lie in rows that are spread evenly from the top to the bottom, and evenly from the
        left to the right in each row.
        """
        down, right = height - self.size, width - self.size
        if self.seed is not None:
            draw = np.random.default_rng([self.seed, height, width])
            corners = draw.integers((down + 1, right + 1), size=(self.count, 2))
            return [(int(top), int(left)) for top, left in corners]
        rows = min(self.count, max(1, round((self.count * height / width) ** 0.5)))
        in_row = [self.count // rows + (row < self.count % rows) for row in range(rows)]
        return [
            (top, left)
            for top, columns in zip(_spread(down, rows), in_row, strict=True)
            for left in _spread(right, columns)
        ]

    def middle(self, pictures: Tensor) -> Tensor:
        """Return the patch (N, 3, S, S) in the middle of pictures (N, 3, H, W)."""
        top, left = ((side - self.size) // 2 for side in pictures.shape[2:])
        return pictures[:, :, top : top + self.size, left : left + self.size]


@dataclass(frozen=True)
class Framing:
    """The key `pixels` of a model."""

    # length in pixels that the shorter side of every picture is resized to; None: not resized
    shorter: int | None
    crop: int | None  # side of the centre crop that the model scores; None: the whole picture is scored
    training_crop: int  # side of the random crops that the model is trained on
    patches: Patches | None = None  # the crops whose scores are averaged, if any
    # what is kept with each number: "native", "16 patches of 96"; None for the default
    text: str | None = None

    @classmethod
    def of(cls, value: Any, image_size: int) -> "Framing":
        """Return what a value of the key `pixels` asks for; a ValueError says what is accepted."""
        try:
            asked = _VALUE.validate_python(value)
        except ValidationError:
            raise ValueError(f"found {value!r}, accepted is {ACCEPTED}") from None
        if asked == "native":
            return cls(None, None, image_size, None, "native")
        if asked == RESIZE:
            return cls(image_size, image_size, image_size)
        if isinstance(asked, _CropTable):
            shorter, crop = asked.resize_crop
            return cls(shorter, crop, crop, None, f"resized to {shorter}, centre {crop}")
        table = _PatchTable(patches=16) if asked == "patches" else asked
        patches = Patches(table.patches, table.size or image_size, table.seed)
        text = f"{patches.count} patches of {patches.size}"
        text += "" if patches.seed is None else f", random {patches.seed}"
        return cls(None, None, patches.size, patches, text)

    @property
    def image_size(self) -> int | None:
        """Side in pixels of what the network sees; None for whole pictures of any size."""
        return self.patches.size if self.patches else self.crop

    @property
    def training_text(self) -> str | None:
        """The framing that trained weights depend on, besides the side of the crops; None for the default."""
        if self.text is None:
            return None
        return "native" if self.shorter is None else f"resized to {self.shorter}"


class _PatchTable(BaseModel, extra="forbid", strict=True):
    patches: Annotated[int, Field(ge=1, le=1024)]
    size: Side | None = None
    seed: Annotated[int, Field(ge=0)] | None = None


class _CropTable(BaseModel, extra="forbid", strict=True):
    resize_crop: Annotated[list[Side], Field(min_length=2, max_length=2)]

    @model_validator(mode="after")
    def _fits(self) -> "_CropTable":
        if self.resize_crop[0] < self.resize_crop[1]:
            raise ValueError("a crop no larger than the resized picture")
        return self


_VALUE: TypeAdapter[Any] = TypeAdapter(Literal["resize", "native", "patches"] | _PatchTable | _CropTable)


@dataclass(frozen=True)
class FramedPixels:
    """The pictures of a dataset as one framing gives them to a model."""

    cache: PixelCache  # the decoded pictures
    framing: Framing  # what is taken of them

    @classmethod
    def open(cls, dataset: "Dataset", framing: Framing, folder: Path) -> "FramedPixels":
        """Open the pixel cache, which is built if need be; see `PixelCache.open`.

        Raises:
            UserError: As `PixelCache.open`; or a picture is smaller than a patch.
        """
        pixels = cls(PixelCache.open(dataset, framing.shorter, folder), framing)
        if framing.patches:
            pixels.require(dataset, range(len(pixels.cache)), framing.patches.size, "a patch")
        return pixels

    @property
    def digest(self) -> str:
        """Digest of the pixels of all pictures."""
        return self.cache.digest

    def shape(self, row: int) -> tuple[int, int]:
        """Return height and width of what `test_batch` gives for a place in the dataset's table."""
        side = self.framing.crop
        return self.cache.shape(row) if side is None else (side, side)

    def test_batch(self, rows: Sequence[int]) -> Tensor:
        """Return the images to score, uint8 (N, 3, H, W), of rows that have one shape."""
        return self._crops(rows, self.shape(rows[0]), _centre)

    def train_batch(
        self, rows: Sequence[int], generator: np.random.Generator, *, flip: bool = False
    ) -> Tensor:
        """Return random crops, uint8 (N, 3, S, S), placed independently for each image.

        A generator in the same state gives the same crops. With `flip`, each crop is mirrored left to right
        with probability 1/2, which leaves its quality as it is.
        """

        def draw(height: int, width: int) -> tuple[int, int, bool]:
            top, left = generator.integers((height + 1, width + 1))
            return int(top), int(left), bool(flip and generator.random() < 0.5)

        side = self.framing.training_crop
        return self._crops(rows, (side, side), draw)

    def centres(self, rows: Sequence[int]) -> Tensor:
        """Return images of one shape, uint8 (N, 3, H, W), for what needs several in one batch.

        They are those of `test_batch`; of whole pictures the centres, as large as the smallest of them and no
        larger than `AUDITED` or a patch.
        """
        if self.framing.crop is not None:
            return self.test_batch(rows)
        most = max(AUDITED, self.framing.patches.size if self.framing.patches else 0)
        height, width = (min(most, *sides) for sides in zip(*map(self.shape, rows), strict=True))
        return self._crops(rows, (height, width), _centre)

    def bucketed(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows grouped by shape, otherwise in their order."""
        shapes = [self.shape(row) for row in rows.tolist()]
        first = {shape: place for place, shape in reversed([*enumerate(shapes)])}
        return rows[np.argsort([first[shape] for shape in shapes], kind="stable")]

    def batches(self, rows: np.ndarray, batch_size: int, start: int = 0) -> Iterator[slice]:
        """Yield slices of bucketed rows, each of one shape, from number `start` on.

        A batch holds at most `batch_size` images. Of whole pictures and patches it holds no more pixels than
        that many images of the paper have.
        """
        while start < len(rows):
            shape = self.shape(int(rows[start]))
            stop = min(len(rows), start + self._at_once(shape, batch_size))
            if self.framing.crop is None:
                same = (place for place in range(start, stop) if self.shape(int(rows[place])) != shape)
                stop = next(same, stop)
            yield slice(start, stop)
            start = stop

    def require(self, dataset: "Dataset", rows: Sequence[int], side: int, what: str) -> None:
        """Raise a UserError with the name of a picture that is less high or wide than a crop of it."""
        for row in rows:
            height, width = self.cache.shape(row)
            if min(height, width) < side:
                raise UserError(
                    f"{dataset.root / dataset.table['path'].iloc[row]}: {width} x {height} pixels, smaller "
                    f"than {what} of {side} x {side}"
                )

    def _crops(
        self,
        rows: Sequence[int],
        shape: tuple[int, int],
        place: Callable[[int, int], tuple[int, int, bool]],
    ) -> Tensor:
        """Return crops of one shape; of the spare pixels, `place` tells top, left and whether to mirror."""
        high, wide = shape
        batch = memory_for((len(rows), high, wide, 3))
        for crop, row in zip(batch.numpy(), rows, strict=True):
            image = self.cache.image(row)
            height, width, _ = image.shape
            top, left, mirrored = place(height - high, width - wide)
            crop[:] = image[top : top + high, left : left + wide][:, :: -1 if mirrored else 1]
        return batch.permute(0, 3, 1, 2)

    def _at_once(self, shape: tuple[int, int], batch_size: int) -> int:
        if self.framing.crop is not None:
            return batch_size
        patches = self.framing.patches
        pixels = max(shape[0] * shape[1], patches.count * patches.size**2 if patches else 0)
        return max(1, min(batch_size, batch_size * FULL_BATCH // pixels))


def _spread(most: int, count: int) -> list[int]:
    """Return whole numbers spread evenly from 0 to the largest; the middle for one."""
    return [most // 2] if count == 1 else [round(most * place / (count - 1)) for place in range(count)]


def memory_for(shape: tuple[int, ...]) -> Tensor:
    """Return memory for uint8 pixels of this shape.

    In a process that uses a GPU of NVIDIA it is pinned, so that the card copies from it while the processor
    goes on.
    """
    uses_card: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.empty(shape, dtype=torch.uint8, pin_memory=uses_card)


def _centre(height: int, width: int) -> tuple[int, int, bool]:
    return round(height / 2), round(width / 2), False  # halves to even, as torchvision's CenterCrop
