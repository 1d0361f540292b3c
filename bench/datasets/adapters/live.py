"""LIVE Image Quality Assessment Database, release 2 (Sheikh, Wang, Cormack, Bovik)."""

from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from ...core.errors import UserError
from .layouts import PublishedDatabase
from .matlab import read_labels

RUNS = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}
"""Folders in the order of the label arrays, and their images: `FOLDER/imgN.bmp`, N from 1 in each folder."""

SCORES = {"dmos_realigned.mat": "dmos_new", "dmos.mat": "dmos"}
"""Score files and their variables, preferred first: realignment puts the viewing sessions on one scale."""


class Live(PublishedDatabase):
    """LIVE release 2: 779 distorted images of 29 scenes, of five distortions, with DMOS; lower is better.

    The owner's label arrays have 982 entries, of which 203 (`orgs` = 1) are undistorted references. They
    have a DMOS of zero by construction and are left out.
    """

    # The realigned DMOS runs from -2.640 to 111.775; these are the next whole numbers outwards.
    scale = (-3.0, 112.0)
    lower_is_better = True
    label_table = "LIVE.csv"
    owner_folders: ClassVar[tuple[str, ...]] = (".", "databaserelease2")
    owner_marks: ClassVar[tuple[str, ...]] = (*SCORES, "refnames_all.mat")
    owner_layout = (
        "jp2k/ jpeg/ wn/ gblur/ fastfading/ with dmos_realigned.mat or dmos.mat, and refnames_all.mat"
    )

    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the 779 distorted images; the scene is the name of the reference."""
        places = [folder, folder.parent] if folder.name == self.owner_folders[1] else [folder]
        files = (place / name for name in SCORES for place in places)  # the owner gives them on their own
        scores_file = next((file for file in files if file.is_file()), None)
        names_file = folder / "refnames_all.mat"
        if scores_file is None or not names_file.is_file():
            absent = names_file.name if scores_file else " or ".join(SCORES)
            raise UserError(f"{folder}: no {absent} in it")
        scores, originals, references = read_labels(
            {scores_file: (SCORES[scores_file.name], "orgs"), names_file: ("refnames_all",)},
            entries=sum(RUNS.values()),
            owner="LIVE release 2",
        )
        pristine = [PurePosixPath("refimgs", str(name).strip()) for name in references]
        images = [(f"{kind}/img{n}.bmp", kind) for kind, count in RUNS.items() for n in range(1, count + 1)]
        table = pd.DataFrame(images, columns=["path", "distortion"]).assign(
            score=scores.astype(float),
            scene=[reference.stem for reference in pristine],
            reference=[str(reference) for reference in pristine],
        )
        return table.loc[pd.Series(originals == 0)]
