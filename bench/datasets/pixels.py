"""The pixel cache: every image of a dataset is decoded and resized once, then read by its place.

Two files: the pixels of the resized images one after the other, and an index that says where each begins.
Every image is compared with its checksum whenever it is read, so that a damaged one is never scored.
They are read by offset rather than mapped into memory, since the pages of a mapping count as the process's
own until the system wants them back: a sweep's memory would grow with the dataset.
"""

import hashlib
import json
import os
import re
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ..core.errors import UserError
from ..core.files import lock_on, regular, replacing, write_text
from ..core.integrity import with_checksum, without_checksum
from ..core.progress import counted
from .decoding import Undecodable, decode_rgb, strict_decoding

if TYPE_CHECKING:
    from . import Dataset

FORMAT = 4  # version of the files and of decoding and resizing; raise it with any change of these

Pixels = npt.NDArray[np.uint8]
File = tuple[str, int, int]  # path, size in bytes, time of change in nanoseconds
Place = tuple[int, int, int, int]  # offset, height, width, CRC-32 of the pixels
Item = TypeVar("Item")
Result = TypeVar("Result")


class PixelCache:
    """The images of a dataset, in the order of its table, the shorter side of each resized to one length.

    Safe to read from several threads.
    """

    def __init__(self, index: "_Index", pixels: Path) -> None:
        self.digest = index.digest  # of the pixels of all images, after they are resized
        self._places = index.places
        self._file = pixels.open("rb")
        self._reading = Lock()
        weakref.finalize(self, self._file.close)

    @classmethod
    def open(
        cls, dataset: "Dataset", image_size: int | None, folder: Path, *, workers: int | None = None
    ) -> "PixelCache":
        """Return the cache of a dataset, which is built if it is missing or the image files have changed.

        Files of the same name, size and time of change are taken to be unchanged. Of two processes that need
        a cache, one builds it and the other waits. The shorter side of an image is resized to `image_size`
        pixels, bilinear with antialiasing, as torchvision does with PIL images; with None it keeps its size.
        As many threads as `workers` decode: by default one for each core, up to 8.

        Raises:
            UserError: Images are missing, damaged or not images; it names one and counts the others. Or the
                folder cannot be written.
        """
        stem = folder / _file_stem(dataset, image_size)
        pixels, index_file = stem.with_suffix(".pixels"), stem.with_suffix(".json")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with lock_on(stem.with_suffix(".lock")):
                files = _fingerprints(dataset)
                index = _load_index(index_file)
                if index is None or not index.describes(pixels, files, image_size):
                    for leftover in folder.glob(f".{stem.name}.*.part"):
                        leftover.unlink()
                    index_file.unlink(missing_ok=True)  # never beside pixels that it does not describe
                    index = _build(dataset, files, image_size, pixels, workers or min(8, os.cpu_count() or 1))
                    write_text(index_file, index.to_json())
                return cls(index, pixels)
        except OSError as error:
            raise UserError(f"{stem}: the pixel cache cannot be written or read: {error}") from error

    def __len__(self) -> int:
        """Number of images."""
        return len(self._places)

    def shape(self, row: int) -> tuple[int, int]:
        """Return height and width in pixels of an image, by its place in the dataset's table."""
        _, height, width, _ = self._places[row]
        return height, width

    def image(self, row: int) -> Pixels:
        """Return the pixels (H, W, 3) of an image; a UserError if they are not as they were written."""
        offset, height, width, crc = self._places[row]
        with self._reading:
            self._file.seek(offset)
            content = self._file.read(height * width * 3)
        if len(content) < height * width * 3:
            raise UserError(f"{self._file.name}: the pixel cache was cut short; delete this file")
        if zlib.crc32(content) != crc:
            raise UserError(
                f"{self._file.name}: the pixel cache is damaged in image {row + 1} of {len(self)}; "
                "delete this file, and it is built again from the images"
            )
        return np.frombuffer(content, np.uint8).reshape(height, width, 3)

    def same_as(
        self, rows: Sequence[int], other: "PixelCache", others: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Return the rows that have the pixels of a row of another cache, each with the first such row."""
        seen: dict[tuple[int, ...], list[int]] = {}
        for row in others:
            seen.setdefault(other._content(row), []).append(row)
        pairs = []
        for row in rows:
            for one in seen.get(self._content(row), ()):
                if np.array_equal(self.image(row), other.image(one)):
                    pairs.append((row, one))
                    break
        return pairs

    def _content(self, row: int) -> tuple[int, ...]:
        """Return height, width and checksum of an image."""
        return tuple(self._places[row][1:])


def to_float(batch: Tensor, device: torch.device | str) -> Tensor:
    """Return images (N, 3, H, W) uint8 on a device as models take them: float in [0, 1].

    On a CPU they are in channels-last memory order; on a GPU a model's weights decide the order that it
    computes in. From pinned memory a batch is copied while the processor goes on.
    """
    images = batch.to(device, non_blocking=batch.is_pinned())
    order = torch.channels_last if images.device.type == "cpu" else torch.contiguous_format
    return images.to(memory_format=order).float().div_(255)


@dataclass(frozen=True)
class _Index:
    image_size: int | None
    digest: str
    files: list[File]
    places: list[Place]
    format: int = FORMAT

    def describes(self, pixels: Path, files: list[File], image_size: int | None) -> bool:
        wanted = (FORMAT, image_size, files)
        if (self.format, self.image_size, self.files) != wanted or not pixels.is_file():
            return False
        return pixels.stat().st_size == sum(height * width * 3 for _, height, width, _ in self.places)

    def to_json(self) -> str:
        return json.dumps(with_checksum(vars(self)))


def _load_index(file: Path) -> _Index | None:
    try:
        read = without_checksum(json.loads(regular(file).read_text(encoding="utf-8")))
        read["files"] = [tuple(entry) for entry in read["files"]]
        return _Index(**read)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # there is none, or it is damaged or of another version


def _build(
    dataset: "Dataset", files: list[File], image_size: int | None, pixels: Path, workers: int
) -> _Index:
    def load(file: File) -> Pixels | Undecodable:
        try:
            image = decode_rgb(dataset.root / file[0], largest=dataset.largest_image)
            if image_size is not None:
                image = _resize(image, image_size, dataset.largest_image)
        except Undecodable as error:
            return error
        return np.asarray(image)

    digest = hashlib.sha256()
    places: list[Place] = []
    bad: list[str] = []
    offset = 0
    with replacing(pixels) as temporary, temporary.open("wb") as stream, strict_decoding():
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            decoded = _map_ahead(pool, load, files, ahead=2 * workers)
            images: Iterator[Any] = counted(decoded, f"decoding {dataset.name}", len(files))
            for (path, _, _), image in zip(files, images, strict=True):
                if isinstance(image, Undecodable):
                    bad.append(f"{dataset.root / path}: cannot be decoded: {image}")
                elif not bad:
                    height, width, _ = image.shape
                    places.append((offset, height, width, zlib.crc32(image)))
                    offset += stream.write(image)
                    digest.update(f"{height} {width} ".encode())
                    digest.update(image)
        if bad:
            others = f" {len(bad) - 1} more images cannot be decoded either." * (len(bad) > 1)
            raise UserError(
                f"{bad[0]}.{others} `iqabench datasets verify` lists all that is wrong; "
                "fetch damaged files again from their owner"
            )
    return _Index(image_size, digest.hexdigest()[:16], files, places)


def _map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Yield results in order, with so many under way or waiting and never more, which bounds the memory."""
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) > ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _fingerprints(dataset: "Dataset") -> list[File]:
    found = []
    for path in dataset.table["path"]:
        try:
            status = (dataset.root / path).stat()
            found.append((str(path), status.st_size, status.st_mtime_ns))
        except OSError:
            found.append((str(path), -1, -1))  # decoding it will say what is the matter
    return found


def _file_stem(dataset: "Dataset", image_size: int | None) -> str:
    key = hashlib.sha256(f"{dataset.name}\n{dataset.root}".encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(dataset.name).stem)
    return f"{readable}-{image_size or 'native'}-{key}"


def _resize(image: Image.Image, shorter: int, largest: int) -> Image.Image:
    """Resize as torchvision's Resize does with a PIL image, whose import would take a rerun seconds."""
    width, height = image.size
    longer = int(shorter * max(image.size) / min(image.size))
    if shorter * longer > largest:
        raise Undecodable(
            f"{width} x {height} pixels; with its shorter side resized to {shorter} it would have "
            f"{shorter * longer / 1e6:.0f} million, more than the {largest / 1e6:g} million that "
            "`max_megapixels` of [run] allows"
        )
    size = (shorter, longer) if width <= height else (longer, shorter)
    return image.resize(size, Image.Resampling.BILINEAR)
