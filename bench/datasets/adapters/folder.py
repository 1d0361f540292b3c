"""Pictures without labels: every image file of a folder."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pandas as pd

from ...core.errors import UserError
from ..base import DatasetAdapter

SUFFIXES = {
    ".avif", ".bmp", ".dib", ".gif", ".jpeg", ".jpg", ".jp2", ".png", ".pgm", ".ppm", ".tif", ".tiff",
    ".webp",
}  # fmt: skip
"""Ends of the names of image files, in lower case."""


class Folder(DatasetAdapter):
    """All images in a folder and the folders under it, without labels; all are for testing.

    Links to folders are followed. Attacks that look for each image's interval run on them. What compares
    scores with labels is undefined.
    """

    labelled: ClassVar[bool] = False

    def __init__(self, root: str) -> None:
        super().__init__(root, 0.0, 1.0)

    def read(self) -> pd.DataFrame:
        """Return a row for each image that is not hidden; raise UserError if there is none."""
        if not self.root.is_dir():
            raise UserError(f"no such folder: root = {self.root}; it should hold images")
        found = (path.relative_to(self.root) for path in _under(self.root) if path.suffix.lower() in SUFFIXES)
        paths = sorted(path.as_posix() for path in found if not any(part[0] == "." for part in path.parts))
        if not paths:
            raise UserError(
                f"{self.root}: no images in this folder or under it ({', '.join(sorted(SUFFIXES))})"
            )
        for path in paths:
            if not _is_unicode(path):
                raise UserError(f"{self.root / path}: the name of this file is not in UTF-8; rename it")
        return pd.DataFrame(
            {"path": paths, "score": math.nan, "scene": paths, "distortion": "unknown", "split": "test"}
        )


def _under(root: Path) -> Iterator[Path]:
    """Yield all files under a folder, through links to other folders unless they lead back up."""
    for folder, folders, names in os.walk(root, followlinks=True):
        here = Path(folder)
        folders[:] = [name for name in folders if not _leads_up(here / name)]
        yield from (here / name for name in names)


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # Python has stand-ins for bytes that it cannot decode
        return False
    return True


def _leads_up(folder: Path) -> bool:
    return folder.is_symlink() and folder.resolve() in {above.resolve() for above in folder.parents}
