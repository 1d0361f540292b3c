import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from iqabench import UserError

COUNTS = {"jp2k": 169, "jpeg": 175, "wn": 145, "gblur": 145, "fastfading": 145}


def test_owner_layout_has_779_distorted_images_of_29_scenes_with_their_own_scores(trees, open_as):
    table = open_as("live", root=trees.live()).table.set_index("path")
    assert len(table) == 779
    assert table["scene"].nunique() == 29
    assert table["distortion"].value_counts().to_dict() == COUNTS
    assert "jp2k/img1.bmp" not in table.index, "an undistorted reference is left out"
    labels = trees.labels("LIVE")
    labels.index = labels["dis_img_path"].str.removeprefix("LIVE/")
    pd.testing.assert_series_equal(table["score"], labels["score"].sort_index(), check_names=False)
    scenes = labels["ref_img_path"].str.extract(r"refimgs/(\w+)\.bmp")[0]
    assert table["scene"].to_dict() == scenes.to_dict()


def test_the_realigned_score_file_in_or_beside_the_database_wins_over_the_older_one(trees, open_as):
    folder = trees.live()
    realigned = loadmat(folder / "dmos_realigned.mat")
    older = np.where(realigned["orgs"] == 1, 0.0, 42.0)
    savemat(folder / "dmos.mat", {"dmos": older, "orgs": realigned["orgs"]})
    assert open_as("live", root=folder).table["score"].max() > 100
    beside = (folder / "dmos_realigned.mat").rename(folder.parent / "dmos_realigned.mat")
    for root in (folder, folder.parent):
        table = open_as("live", root=root).table
        assert (len(table), table["score"].max() > 100) == (779, True)
    beside.unlink()
    assert set(open_as("live", root=folder).table["score"]) == {42.0}


def test_missing_reference_names_are_named(trees, open_as):
    root = trees.live()
    (root / "refnames_all.mat").unlink()
    with pytest.raises(UserError, match=r"databaserelease2: no refnames_all\.mat in it"):
        open_as("live", root=root)
