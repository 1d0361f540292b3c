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


def test_label_arrays_that_agree_on_a_wrong_length_are_an_error(trees, open_as):
    root = trees.live(orgs=[0] * 779, dmos_new=[50.0] * 779, refnames_all=["rapids.bmp"] * 779)
    with pytest.raises(UserError, match="do not have the 982 entries of LIVE release 2"):
        open_as("live", root=root)


def test_missing_reference_names_are_named(trees, open_as):
    root = trees.live()
    (root / "refnames_all.mat").unlink()
    with pytest.raises(UserError, match=r"databaserelease2: no refnames_all\.mat in it"):
        open_as("live", root=root)


def test_damaged_matlab_file_is_named(trees, open_as):
    root = trees.live()
    (root / "dmos_realigned.mat").write_bytes(b"not a MATLAB file" * 20)
    with pytest.raises(UserError, match=r"dmos_realigned\.mat: cannot be read as a MATLAB file"):
        open_as("live", root=root)


def test_matlab_file_without_the_variable_is_told_what_it_has(trees, open_as):
    root = trees.live()
    savemat(root / "refnames_all.mat", {"names": np.array([["a"]], dtype=object)})
    with pytest.raises(UserError, match="no variable 'refnames_all'; its variables are names"):
        open_as("live", root=root)


def test_missing_score_names_the_image(trees, open_as):
    scores = trees.labels("LIVE").set_index("dis_img_path")["score"]
    assert "LIVE/jp2k/img2.bmp" in scores
    root = trees.live()
    realigned = loadmat(root / "dmos_realigned.mat")
    realigned["dmos_new"][0, 1] = np.nan
    savemat(root / "dmos_realigned.mat", {key: realigned[key] for key in ("dmos_new", "orgs")})
    with pytest.raises(UserError, match=r"image without a score.*: jp2k/img2\.bmp;"):
        open_as("live", root=root)
