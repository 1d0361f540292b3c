import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqabench import UserError
from iqabench.bench.datasets.splits import load_or_make_split, split_by_scene, with_test_list

from ...flips import flipped

LABELS = Path(__file__).parents[2] / "data" / "labels"

scene_sizes = st.lists(st.integers(1, 40), min_size=2, max_size=60)
seeds = st.integers(0, 2**32)


def table_of(sizes):
    scenes = [f"scene{n}" for n, size in enumerate(sizes) for _ in range(size)]
    return pd.DataFrame({"path": [f"{n}.bmp" for n in range(len(scenes))], "scene": scenes})


@given(scene_sizes, seeds)
def test_no_scene_is_on_both_sides_and_both_sides_have_one(sizes, seed):
    table = table_of(sizes)
    split = split_by_scene(table, seed)
    train, test = (set(table["scene"][split == side]) for side in ("train", "test"))
    assert not train & test
    assert train
    assert test
    assert train | test == set(table["scene"])


@given(scene_sizes, seeds)
def test_no_further_scene_would_bring_the_test_share_nearer_to_a_fifth(sizes, seed):
    table = table_of(sizes)
    split = split_by_scene(table, seed)
    taken = int((split == "test").sum())
    left = table["scene"][split == "train"].value_counts()
    target = len(table) / 5
    if left.size > 1:
        assert all(abs(taken + size - target) >= abs(taken - target) - 1e-9 for size in left)


@given(scene_sizes, seeds, st.randoms(use_true_random=False))
def test_split_depends_on_the_seed_and_not_on_the_order_of_rows(sizes, seed, random):
    table = table_of(sizes)
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table.iloc[order]
    pd.testing.assert_series_equal(split_by_scene(shuffled, seed).sort_index(), split_by_scene(table, seed))


@pytest.mark.parametrize("database", ["LIVE", "VCLFER", "LIVE_Challenge", "KonIQ-10k"])
def test_real_databases_are_split_four_to_one(database):
    labels = pd.read_csv(LABELS / f"{database}.csv")
    labels["scene"] = labels.get("ref_img_path", labels["dis_img_path"])
    largest = labels["scene"].value_counts().max()
    for seed in range(5):
        tested = (split_by_scene(labels, seed) == "test").sum()
        assert abs(tested - len(labels) / 5) <= largest / 2


def test_every_scene_of_live_is_tested_under_some_seed():
    labels = pd.read_csv(LABELS / "LIVE.csv").rename(columns={"ref_img_path": "scene"})
    draws = (labels["scene"][split_by_scene(labels, seed) == "test"] for seed in range(60))
    assert len(set().union(*draws)) == 29


def test_of_two_scenes_the_smaller_is_tested_and_one_cannot_be_split():
    table = table_of([30, 20])
    assert table["scene"][split_by_scene(table, 0) == "test"].unique().tolist() == ["scene1"]
    with pytest.raises(UserError, match=r"are of 1 scene, at least 2 are needed; .* in a column `split`"):
        split_by_scene(table_of([30]), 0)


def test_saved_split_is_a_readable_table_and_is_reused_whatever_the_seed(tmp_path):
    table, file = table_of([3, 1, 2, 4] * 9), tmp_path / "new" / "split.csv"
    made = load_or_make_split(table, 0, file)
    saved = pd.read_csv(file)
    assert list(saved.columns) == ["path", "scene", "split"]
    assert saved["split"].tolist() == made.tolist()
    assert all(load_or_make_split(table, seed, file).tolist() == made.tolist() for seed in range(5))
    pd.testing.assert_frame_equal(pd.read_csv(file), saved)
    assert [path.name for path in file.parent.iterdir()] == ["split.csv"]
    drawn = {tuple(load_or_make_split(table, seed, tmp_path / f"{seed}.csv")) for seed in range(5)}
    assert len(drawn) == 5, "each seed gives another split"


def test_saved_split_is_matched_by_path_and_not_by_place(tmp_path):
    table, file = table_of([3, 1, 2, 4]), tmp_path / "split.csv"
    made = load_or_make_split(table, 0, file)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert load_or_make_split(table, 0, file).tolist() == made.tolist()


def test_paths_with_commas_quotes_and_other_alphabets_survive_saving(tmp_path):
    table = pd.DataFrame({"path": ["a, b.bmp", 'say "c".bmp', "žar.bmp"], "scene": ["NA", "y,", "z"]})
    made = load_or_make_split(table, 0, tmp_path / "split.csv")
    assert load_or_make_split(table, 1, tmp_path / "split.csv").tolist() == made.tolist()


def test_saved_split_of_other_images_names_the_file_and_the_first_that_differ(tmp_path):
    file = tmp_path / "split.csv"
    load_or_make_split(table_of([3, 1, 2, 4]), 0, file)
    table = table_of([3, 1, 2, 4]).replace({"path": {"0.bmp": "new.bmp", "5.bmp": "newer.bmp"}})
    with pytest.raises(UserError) as caught:
        load_or_make_split(table, 0, file)
    message = str(caught.value)
    assert message.startswith(f"{file}: the saved split is of other images")
    assert "2 only in the file (first: 0.bmp, 5.bmp)" in message
    assert "2 only in the dataset (first: new.bmp, newer.bmp)" in message
    assert "delete the file to draw a new split" in message


def test_saved_split_with_a_scene_on_both_sides_names_the_scene_and_an_image_of_either(tmp_path):
    file = tmp_path / "split.csv"
    file.write_text("path,scene,split\n0.bmp,x,train\n1.bmp,y,test\n2.bmp,z,train\n")
    table = pd.DataFrame({"path": ["0.bmp", "1.bmp", "2.bmp"], "scene": ["boat", "boat", "tree"]})
    with pytest.raises(UserError) as caught:
        load_or_make_split(table, 0, file)
    assert f"{file}: scene 'boat' is in both training (0.bmp) and test (1.bmp)" in str(caught.value)


@pytest.mark.parametrize("content", ["", "not a table", "path,scene\n0.bmp,a\n", "\xff"])
def test_file_that_is_no_split_is_named(tmp_path, content):
    file = tmp_path / "split.csv"
    file.write_text(content, encoding="latin-1")
    told = r"split\.csv: not a saved split, a CSV with columns path,scene,split"
    with pytest.raises(UserError, match=told):
        load_or_make_split(table_of([1, 1]), 0, file)


def test_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"split\.csv: the split cannot be saved"):
        load_or_make_split(table_of([1, 1]), 0, tmp_path / "file" / "split.csv")


def test_split_that_comes_with_the_database_wins_over_a_saved_one(tmp_path):
    table, file = table_of([1, 1, 1, 1]), tmp_path / "split.csv"
    load_or_make_split(table, 0, file)
    own = table.assign(split=["test", "test", "test", "train"])
    assert load_or_make_split(own, 0, file).tolist() == ["test", "test", "test", "train"]


def test_split_that_comes_with_the_database_is_checked(tmp_path):
    file, table = tmp_path / "split.csv", table_of([2, 1, 1])
    for split, told in (
        (["train", "test", "train", "train"], r"column 'split': scene 'scene0' is in both"),
        (["train", "train", "test", "val"], r"image 3\.bmp is neither 'train' nor 'test' but 'val'"),
        ("train", "no image is for testing"),
    ):
        with pytest.raises(UserError, match=told):
            load_or_make_split(table.assign(split=split), 0, file)
    assert not file.exists()


def test_a_flipped_bit_of_a_saved_split_moves_no_image_in_silence(tmp_path):
    table, file = table_of([3, 1, 4, 1, 5]), tmp_path / "split.csv"
    drawn = load_or_make_split(table, 0, file)
    refused = 0
    for bit in flipped(file):
        try:
            assert load_or_make_split(table, 0, file).tolist() == drawn.tolist(), bit
        except UserError as error:
            assert str(file) in str(error)  # noqa: PT017
            refused += 1
    assert refused > 0


FOUR = pd.DataFrame({"path": ["a/1.png", "a/2.png", "b/2.png", "b/3.png"]})


def listed(tmp_path, text):
    (tmp_path / "test.txt").write_text(text)
    return with_test_list(FOUR, tmp_path / "test.txt")


def test_names_and_paths_are_for_testing_and_all_others_for_training(tmp_path):
    table = listed(tmp_path, "# mine\n\n3.png\na/2.png\n")
    assert list(table["split"]) == ["train", "test", "train", "test"]
    assert "split" not in FOUR
    assert with_test_list(FOUR, None) is FOUR


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
        with_test_list(FOUR, tmp_path / "test.txt")
