"""A measurement in progress, kept on disk so that a killed one goes on where it was."""

import io
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.files import naming
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

    The file is made when needed. `pixels` (N,) has the number of pixels of each image of one epsilon.
    """

    def __init__(self, path: Path, pixels: np.ndarray) -> None:
        self.path = path
        self.written: dict[int, tuple[int, int]] = {}  # bytes and CRC-32 of what was written, by its offset
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
        with naming(self.path), self.path.open("r+b") as file:
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

    def damaged(self) -> Path | None:
        """Return the file if it does not hold what was written."""
        if not self.written:
            return None
        try:
            with self.path.open("rb") as file:
                for offset, (size, crc) in self.written.items():
                    file.seek(offset)
                    if zlib.crc32(file.read(size)) != crc:
                        return self.path
        except OSError:
            return self.path
        return None

    def _record(self, shape: Sequence[int]) -> np.dtype[Any]:
        return np.dtype([("largest", np.float32), ("levels", np.int16, (2, *shape))])

    def _offset(self, index: int, start: int) -> int:
        return int(index * self._places[-1] + self._places[start])


class JoinedEnds:
    """The images at both ends, in those of each part by the number of its first image, ascending."""

    def __init__(self, parts: Mapping[int, EndImages]) -> None:
        self._parts = parts

    def get(self, index: int, start: int, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images (N, 3, H, W) at the low and at the high ends."""
        each = []
        for number, image in enumerate(images.unsqueeze(1), start):
            part = max(first for first in self._parts if first <= number)
            each.append(self._parts[part].get(index, number, image))
        low_images, high_images = zip(*each, strict=True)
        return torch.cat(low_images), torch.cat(high_images)

    def damaged(self) -> Path | None:
        """Return the file that does not hold what was written, if one does not."""
        return next(filter(None, (ends.damaged() for ends in self._parts.values())), None)


class Found:
    """The measurements so far of N images within E epsilons."""

    def __init__(
        self, epsilons: int, images: int, ends: EndImages | JoinedEnds, files: Sequence[Path]
    ) -> None:
        self.ends = ends  # the images of an interval attack
        self.files = files  # in which all this is kept
        self._shape = (epsilons, images)
        self._since = time.monotonic()
        self.seconds = 0.0  # that earlier processes spent on it
        # Images at once that a GPU's memory held, where it did not hold as many as were wanted.
        self.fitting: int | None = None
        # (E, N) arrays by column of the cells: `score`, and for an interval attack its ends.
        self.columns: dict[str, np.ndarray] = {}
        # What the search told of each batch, in order, and of the worst case, for each epsilon.
        self.told: list[list[dict[str, Any]]] = [[] for _ in range(epsilons)]
        self.worst: list[dict[str, Any]] = [{} for _ in range(epsilons)]

    def put(self, index: int, start: int, values: Mapping[str, Sequence[float] | Sequence[str]]) -> None:
        """Keep the columns of one batch under one epsilon."""
        for name, column in values.items():
            if name not in self.columns:
                empty = "" if isinstance(column[0], str) else np.nan
                self.columns[name] = np.full(self._shape, empty, dtype=object if empty == "" else float)
            self.columns[name][index, start : start + len(column)] = column

    def diagnostics(self, index: int) -> dict[str, Any]:
        """Return what the search under one epsilon noted of all images."""
        return reduce(_together, [*self.told[index], self.worst[index]], {})

    def spent(self) -> float:
        """Return the seconds spent on it, by this process and earlier ones."""
        return self.seconds + time.monotonic() - self._since

    def discard(self) -> None:
        """Remove the files of a measurement that is finished and stored."""
        for file in self.files:
            file.unlink(missing_ok=True)

    def check_ends(self) -> None:
        """Discard all and raise `UserError` unless the images of the ends are as they were written."""
        if damaged := self.ends.damaged():
            self.discard()
            raise UserError(
                f"{damaged}: the images kept there are damaged, and were removed; run the command "
                "again to search them again"
            )


class Partial(Found):
    """A measurement in progress of N images, each of so many pixels, or of a part of them."""

    ends: EndImages

    def __init__(self, path: Path, epsilons: int, pixels: np.ndarray, part: slice | None = None) -> None:
        ends = EndImages(path.with_suffix(".ends"), pixels)
        super().__init__(epsilons, len(pixels), ends, [path, ends.path])
        self._path = path
        self._last = time.monotonic()
        self.part = part or slice(0, len(pixels))
        self.done: int = self.part.start  # images of the part before this one are measured
        self.damage = self._restore()  # why what was kept on disk cannot be used, if it cannot
        self.before_saving: Callable[[], None] = lambda: None  # if it raises, nothing is written

    def restart(self) -> None:
        """Forget what is measured, to begin anew."""
        self.done, self.ends.written = self.part.start, {}
        self.columns, self.told = {}, [[] for _ in self.told]

    @property
    def finished(self) -> bool:
        """True when all images of the part are measured."""
        return self.done >= int(self.part.stop)

    def batch_done(self, batch: slice, told: Sequence[dict[str, Any]]) -> None:
        """Keep what the search told of a batch within each epsilon; save, unless that was done a moment ago.

        Stops here if that was asked for.
        """
        for of_epsilon, of_batch in zip(self.told, told, strict=True):
            of_epsilon.append(of_batch)
        self.done = batch.stop
        stop_if_asked(self.save)
        if time.monotonic() - self._last >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write what is measured."""
        self.before_saving()
        content = io.BytesIO()
        columns: dict[str, Any] = {
            f"column_{name}": of.astype(str) if of.dtype == object else of
            for name, of in self.columns.items()
        }
        ends = np.array([(offset, *rest) for offset, rest in self.ends.written.items()], np.int64)
        told = json.dumps(self.told)
        np.savez(
            content,
            done=self.done,
            seconds=self.spent(),
            fitting=self.fitting or 0,
            ends=ends,
            told=told,
            **columns,
        )
        write_sealed(self._path, content.getvalue())
        self._last = time.monotonic()

    def _restore(self) -> str | None:
        """Go on from what is on disk; return what is wrong with it, if anything is."""
        try:
            with np.load(io.BytesIO(read_sealed(self._path))) as saved:
                done, told = int(saved["done"]), json.loads(str(saved["told"]))
                seconds, fitting = float(saved["seconds"]), int(saved["fitting"]) or None
                written = {int(offset): (int(size), int(crc)) for offset, size, crc in saved["ends"]}
                columns = {
                    name.removeprefix("column_"): of.astype(object) if of.dtype.kind == "U" else of
                    for name, of in saved.items()
                    if name.startswith("column_")
                }
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            return f"{self._path}: {error}"
        if any(column.shape != self._shape for column in columns.values()):
            return f"{self._path}: holds other images"
        self.ends.written = written
        if damaged := self.ends.damaged():
            self.ends.written = {}
            return f"{damaged}: not the images that were written"
        self.done, self.columns, self.told = done, columns, told
        self.seconds, self.fitting = seconds, fitting
        return None


def joined(parts: Sequence[Partial]) -> Found:
    """Return the measurements of all parts of a set of images, in order and each finished, as one."""
    epsilons, files = len(parts[0].told), [file for part in parts for file in part.files]
    ends = JoinedEnds({int(part.part.start): part.ends for part in parts})
    found = Found(epsilons, int(parts[-1].part.stop), ends, files)
    found.seconds = sum(part.seconds for part in parts)
    found.fitting = min((part.fitting for part in parts if part.fitting), default=None)
    for part in parts:
        for index in range(epsilons):
            columns = {name: column[index, part.part].tolist() for name, column in part.columns.items()}
            found.put(index, int(part.part.start), columns)
            found.told[index] += part.told[index]
    return found


def _together(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return the diagnostics of two batches as those of both: counts add up, of largest values one stays."""
    both = {**before, **now}
    for key in before.keys() & now.keys():
        if key.startswith("largest") or key in ("draws", "watched"):
            both[key] = max(before[key], now[key])
        elif isinstance(now[key], int | float):
            both[key] = before[key] + now[key]
        elif isinstance(now[key], list):
            both[key] = sorted({*before[key], *now[key]})
        elif isinstance(now[key], dict):
            both[key] = _together(before[key], now[key])
    return both
