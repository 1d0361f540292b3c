"""A user's own list of test images divides a dataset."""

import os

import pandas as pd
import pytest

from iqabench import UserError
from iqabench.bench.datasets.splits import with_test_list

TABLE = pd.DataFrame({"path": ["a/1.png", "a/2.png", "b/2.png", "b/3.png"]})


def listed(tmp_path, text):
    (tmp_path / "test.txt").write_text(text)
    return with_test_list(TABLE, tmp_path / "test.txt")


def test_names_and_paths_are_for_testing_and_all_others_for_training(tmp_path):
    table = listed(tmp_path, "# mine\n\n3.png\na/2.png\n")
    assert list(table["split"]) == ["train", "test", "train", "test"]
    assert "split" not in TABLE
    assert with_test_list(TABLE, None) is TABLE


def test_a_list_written_on_windows_or_by_find_names_the_same_images(tmp_path):
    table = listed(tmp_path, "\ufeff# mine\r\na\\1.png\r\n./b/3.png\r\n")
    assert list(table["split"]) == ["test", "train", "train", "test"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4.png", "'4.png' is not an image of the dataset; give a path such as 'a/1.png'"),
        ("2.png", "'2.png' is the name of several images"),
        ("# nothing\n", "names no image"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"test\.txt: {message}"):
        listed(tmp_path, text)


@pytest.mark.parametrize(("make", "told"), [(lambda file: None, ""), (os.mkfifo, ".*not a regular file")])
def test_a_missing_list_is_named_and_a_pipe_in_its_stead_does_not_hang(tmp_path, make, told):
    make(tmp_path / "test.txt")
    with pytest.raises(UserError, match=rf"not a readable list of test images: {told}"):
        with_test_list(TABLE, tmp_path / "test.txt")
