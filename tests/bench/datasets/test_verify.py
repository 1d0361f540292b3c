import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from iqabench import UserError
from iqabench.bench.cli.commands.datasets import in_words
from iqabench.bench.datasets.verify import verify_dataset


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
    def run(**params):
        return verify_dataset(
            "mine",
            "csv",
            {"root": str(mine / "scores.csv")} | params,
            split_seed=0,
            split_file=tmp_path / "splits" / "mine.csv",
            where="bench.toml: [datasets.mine]",
        )

    return run


def cut(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def test_sound_database_has_no_problems_and_is_counted(verify, mine, tmp_path):
    found = verify(low=-1, high=9)
    assert found.problems == ()
    assert (found.images, found.scenes, found.distortions) == (10, 5, {"blur": 5, "noise": 5})
    assert (found.scores, found.bounds) == ((0, 9), (-1, 9))
    assert {name: (side.images, side.scenes) for name, side in found.sides.items()} == {
        "train": (8, 4),
        "test": (2, 1),
    }
    assert "no problems" in in_words(found)


def test_verifying_writes_nothing(verify, tmp_path):
    verify()
    assert not (tmp_path / "splits").exists()


@pytest.mark.parametrize("name", ["0.png", "1.jpg", "2.bmp"])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.02])
def test_truncated_image_is_named(verify, mine, name, share):
    cut(mine / name, share)
    found = verify()
    assert list(found.unreadable) == [name]
    assert len(found.problems) == 1
    assert f"cannot be decoded to its last pixel: {name} (" in found.problems[0]


def test_truncated_image_is_found_even_where_decoders_were_made_lenient(verify, mine, monkeypatch):
    cut(mine / "1.jpg", 0.5)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert list(verify().unreadable) == ["1.jpg"]
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize(("content", "fault"), [(b"", "the file is empty"), (b"<html>", "not an image")])
def test_file_that_is_no_image_is_named_with_what_it_is(verify, mine, content, fault):
    (mine / "0.png").write_bytes(content)
    assert verify().unreadable == {"0.png": fault}


def test_identical_files_are_grouped(verify, mine):
    for copy in ["3.png", "6.png"]:
        (mine / copy).write_bytes((mine / "0.png").read_bytes())
    found = verify()
    assert found.duplicates == (("0.png", "3.png", "6.png"),)
    assert "images whose files are identical: 0.png = 3.png = 6.png" in found.problems[0]


def test_large_group_of_identical_files_is_cut_in_words_but_not_in_the_list(verify, mine):
    for file in mine.glob("*.*g"):
        file.write_bytes((mine / "0.png").read_bytes())
    found = verify()
    assert "identical: 0.png = 1.jpg = 3.png = 4.jpg and 3 more (in both" in found.problems[0]
    assert found.duplicates == (("0.png", "1.jpg", "3.png", "4.jpg", "6.png", "7.jpg", "9.png"),)


def test_identical_files_in_training_and_test_are_said_to_be(verify, mine):
    rows = pd.read_csv(mine / "scores.csv")
    rows["split"] = ["test"] * 2 + ["train"] * 8
    rows.to_csv(mine / "scores.csv", index=False)
    (mine / "3.png").write_bytes((mine / "0.png").read_bytes())
    assert "0.png = 3.png (in both training and test)" in verify().problems[0]


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
    assert found.missing == ("0.png",)
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


def test_every_case_is_listed_up_to_a_number(verify, mine):
    for file in mine.glob("*.jpg"):
        file.unlink()
    (problem,) = verify().problems
    assert "1.jpg, 4.jpg, 7.jpg;" in problem


def test_wrong_folder_is_the_only_problem(tmp_path):
    found = verify_dataset(
        "live",
        "live",
        {"root": str(tmp_path / "nowhere")},
        split_seed=0,
        split_file=tmp_path / "split.csv",
        where="bench.toml: [datasets.live]",
    )
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


def test_database_of_the_paper_is_rendered_beside_table_3(tmp_path):
    labels = "dis_img_path,dis_type,ref_img_path,score\n"
    (tmp_path / "LIVE" / "wn").mkdir(parents=True)
    for n in range(1, 4):
        labels += f"LIVE/wn/img{n}.bmp,wn,LIVE/refimgs/scene{n}.bmp,{n}\n"
        Image.new("RGB", (4, 4), (n, n, n)).save(tmp_path / "LIVE" / "wn" / f"img{n}.bmp")
    (tmp_path / "LIVE.csv").write_text(labels)
    found = verify_dataset(
        "live", "live", {"root": str(tmp_path)}, split_seed=0, split_file=tmp_path / "s.csv", where="here"
    )
    lines = [" ".join(line.split()) for line in in_words(found).splitlines()]
    assert "images 3 of 3 scenes" in lines
    assert "Table 3 LIVE: 799 images, 5 distortion types (the database has 779)" in lines
    assert "distortions 1: wn 3" in lines
    assert "scores 1 to 3 on a scale from -3 to 112, lower is better" in lines
    assert "test 1 images (33.3%) of 1 scenes" in lines
