"""VCL@FER Image Quality Assessment Database (Zaric et al., 2012)."""

import math
import re
from pathlib import Path
from typing import ClassVar

import pandas as pd

from ...core.errors import UserError
from .layouts import PublishedDatabase
from .score_sheet import SUFFIXES, read_score_sheet
from .tables import images_in

IMAGES, ORIGINALS = "vcl_fer", "Ref_Images"
NAME = re.compile(r"(IMG_\d+)_([A-Z0-9]+)_\d+")
"""Scene and distortion in an image's name, as in `IMG_01_AWGN_1.bmp`."""

DISTORTIONS = {"AWGN": "AWGN", "BLU": "GBLUR", "J2K": "JP2K", "JPG": "JPEG"}


class Vcl(PublishedDatabase):
    """VCL@FER: 552 distorted images of 23 scenes, of four distortions, with MOS; higher is better."""

    scale = (0.0, 100.0)
    label_table = "VCLFER.csv"
    owner_marks: ClassVar[tuple[str, ...]] = (IMAGES,)
    owner_layout = f"{IMAGES}/ with IMG_01_AWGN_1.bmp ..., and one spreadsheet or text table of the scores"

    def __init__(
        self,
        root: str,
        low: float | None = None,
        high: float | None = None,
        scores: str | None = None,
        score_column: str | None = None,
        labels: str | None = None,
    ) -> None:
        """Say where the database is; see `PublishedDatabase`.

        Args:
            scores: Score file, relative to `root`: `.xls`, `.xlsx`, `.csv` or `.txt`. Default: the only such
                file in `root` that has the images' names in it.
            score_column: Heading of the column with the scores, where the file has several with numbers.
        """
        super().__init__(root, low, high, labels)
        self.scores = scores
        self.score_column = score_column

    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the images of the score file, and any other in the folder, which then has no score."""
        scores = self._scores(folder)
        files: dict[str, str] = {}
        for file in images_in(folder / IMAGES):
            first = files.setdefault(Path(file).stem.upper(), file)
            if first != file:
                raise UserError(f"{folder / IMAGES}: {first} and {file} are one image by name; keep one")
        listed = {name for name, _ in scores}
        scores += [(name, math.nan) for name in files if NAME.fullmatch(name) and name not in listed]
        table = pd.DataFrame(
            [
                (f"{IMAGES}/{files.get(name, _usual_file(name))}", score, *_scene_and_distortion(name))
                for name, score in scores
            ],
            columns=["path", "score", "scene", "distortion"],
        )
        return table.assign(reference=f"{ORIGINALS}/" + table["scene"] + ".bmp")

    def _scores(self, folder: Path) -> list[tuple[str, float]]:
        if self.scores:
            files = [folder / Path(self.scores).expanduser()]
            if not files[0].is_file():
                raise UserError(f"no such file: scores = {files[0]}")
        else:
            listed = [file for file in folder.iterdir() if not file.name.startswith((".", "~$"))]
            files = sorted(file for file in listed if file.suffix.lower() in SUFFIXES and file.is_file())
        sheets = {file: rows for file in files if (rows := read_score_sheet(file, NAME, self.score_column))}
        if not sheets:
            looked = ", ".join(map(str, files)) or f"{folder}, which has no {' '.join(sorted(SUFFIXES))}"
            raise UserError(
                f"no score file with names such as IMG_01_AWGN_1 (looked in {looked}); name it with `scores`"
            )
        if len(sheets) > 1:
            raise UserError(f"several score files: {', '.join(map(str, sheets))}; name one with `scores`")
        return next(iter(sheets.values()))


def _scene_and_distortion(name: str) -> tuple[str, str]:
    scene, distortion = NAME.findall(name)[0]
    return scene, DISTORTIONS.get(distortion, distortion)


def _usual_file(name: str) -> str:
    return f"{name}.{'jpg' if '_JPG_' in name else 'bmp'}"
