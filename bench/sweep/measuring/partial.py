"""A measurement in progress, kept on disk so that a killed one goes on where it was."""

import io
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.integrity import read_sealed, write_sealed
from ...core.interrupts import stop_if_asked

SAVE_EVERY = 10.0  # seconds between two saves
LEVELS = 32767  # of a 16-bit number


class EndImages:
    """The images at both ends of the intervals, until the worst case has been realised between them.

    They are kept on disk and not in memory: they take 4 bytes per value of a pixel, epsilon and image, which
    is 133 MB for the demo and 10 GB for 2,000 images of 320 pixels at four epsilons. Each is a difference
    from its original in 16 bits, in units of the largest difference of the image. So a pixel is off by at
    most 1/65,534 of the perturbation, and a perturbation that is at its limit everywhere is kept exactly.

    Args:
        path: A file, made when needed.
        pixels: (N,) the number of pixels of each image of one epsilon.

    Attributes:
        written: Number of bytes and CRC-32 of what was written, by where it begins.
    """

    def __init__(self, path: Path, pixels: np.ndarray) -> None:
        self.path = path
        self.written: dict[int, tuple[int, int]] = {}
        sizes = [self._record((3, int(count), 1)).itemsize for count in pixels]
        self._places = np.concatenate([[0], np.cumsum(sizes)])

    def put(self, index: int, start: int, images: Tensor, low_images: Tensor, high_images: Tensor) -> None:
        """Keep both ends of the images from number `start` on, within the epsilon of number `index`."""
        differences = torch.stack([low_images - images, high_images - images], 1)
        largest = differences.abs().amax((1, 2, 3, 4)).clamp(min=torch.finfo(images.dtype).tiny)
        levels = (differences / largest.view(-1, 1, 1, 1, 1) * LEVELS).round()
        records = np.empty(len(images), self._record(images.shape[1:]))
        records["largest"] = largest.cpu().numpy()
        records["levels"] = levels.cpu().numpy()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        content, offset = records.tobytes(), self._offset(index, start)
        with self.path.open("r+b") as file:
            file.seek(offset)
            file.write(content)
        self.written[offset] = len(content), zlib.crc32(content)

    def get(self, index: int, start: int, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images (N, 3, H, W) at the low and at the high ends."""
        record = self._record(images.shape[1:])
        records = np.fromfile(self.path, record, count=len(images), offset=self._offset(index, start))
        levels = torch.from_numpy(records["levels"].astype(np.float32)).to(images)
        largest = torch.from_numpy(records["largest"].copy()).to(images).view(-1, 1, 1, 1, 1)
        low_images, high_images = (images.unsqueeze(1) + levels * (largest / LEVELS)).unbind(1)
        return low_images, high_images

    def sound(self) -> bool:
        """Return whether the file holds what was written."""
        if not self.written:
            return True
        try:
            with self.path.open("rb") as file:
                for offset, (size, crc) in self.written.items():
                    file.seek(offset)
                    if zlib.crc32(file.read(size)) != crc:
                        return False
        except OSError:
            return False
        return True

    def _record(self, shape: Sequence[int]) -> np.dtype[Any]:
        return np.dtype([("largest", np.float32), ("levels", np.int16, (2, *shape))])

    def _offset(self, index: int, start: int) -> int:
        return int(index * self._places[-1] + self._places[start])


class Partial:
    """A measurement in progress.

    Args:
        path: A file.
        epsilons: E, the number of epsilons.
        pixels: (N,) the number of pixels of each image.

    Attributes:
        done: Images measured.
        columns: (E, N) arrays by column of the cells: `score`, and for an interval attack its ends.
        diagnostics: What the search has to tell, for each epsilon.
        ends: The images of an interval attack.
        damage: Why what was kept on disk cannot be used; None where it can, or nothing was.
    """

    def __init__(self, path: Path, epsilons: int, pixels: np.ndarray) -> None:
        self._path = path
        self._last = time.monotonic()
        self._shape = (epsilons, len(pixels))
        self.done = 0
        self.columns: dict[str, np.ndarray] = {}
        self.diagnostics: list[dict[str, Any]] = [{} for _ in range(epsilons)]
        self.ends = EndImages(path.with_suffix(".ends"), pixels)
        self.damage = self._restore()

    def put(self, index: int, start: int, values: Mapping[str, Sequence[float] | Sequence[str]]) -> None:
        """Keep the columns of one batch under one epsilon."""
        for name, column in values.items():
            if name not in self.columns:
                empty = "" if isinstance(column[0], str) else np.nan
                self.columns[name] = np.full(self._shape, empty, dtype=object if empty == "" else float)
            self.columns[name][index, start : start + len(column)] = column

    def save_if_due(self) -> None:
        """Save, unless the last save was a moment ago; stop here if that was asked for."""
        stop_if_asked(self.save)
        if time.monotonic() - self._last >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write what is measured."""
        content = io.BytesIO()
        columns: dict[str, Any] = {f"column_{name}": _storable(of) for name, of in self.columns.items()}
        ends = np.array([(offset, *rest) for offset, rest in self.ends.written.items()], np.int64)
        diagnostics = json.dumps(self.diagnostics)
        np.savez(content, done=self.done, ends=ends, diagnostics=diagnostics, **columns)
        write_sealed(self._path, content.getvalue())
        self._last = time.monotonic()

    def discard(self) -> None:
        """Remove the files of a measurement that is finished and stored."""
        self._path.unlink(missing_ok=True)
        self.ends.path.unlink(missing_ok=True)

    def check_ends(self) -> None:
        """See that the images of the ends are as they were written; otherwise discard all.

        Raises:
            UserError: they are not.
        """
        if not self.ends.sound():
            self.discard()
            raise UserError(
                f"{self.ends.path}: the images kept there are damaged, and were removed; run the command "
                "again, and they are searched anew"
            )

    def _restore(self) -> str | None:
        """Go on from what is on disk; return what is wrong with it, if anything is."""
        try:
            with np.load(io.BytesIO(read_sealed(self._path))) as saved:
                done, diagnostics = int(saved["done"]), json.loads(str(saved["diagnostics"]))
                written = {int(offset): (int(size), int(crc)) for offset, size, crc in saved["ends"]}
                prefix = "column_"
                columns = {
                    name.removeprefix(prefix): _restored(saved[name])
                    for name in saved.files
                    if name.startswith(prefix)
                }
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            return f"{self._path}: {error}"
        if any(column.shape != self._shape for column in columns.values()):
            return f"{self._path}: holds other images"
        self.ends.written = written
        if not self.ends.sound():
            self.ends.written = {}
            return f"{self.ends.path}: not the images that were written"
        self.done, self.columns, self.diagnostics = done, columns, diagnostics
        return None


def _storable(column: np.ndarray) -> np.ndarray:
    return column.astype(str) if column.dtype == object else column


def _restored(column: np.ndarray) -> np.ndarray:
    return column.astype(object) if column.dtype.kind == "U" else column
