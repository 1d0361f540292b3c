import pandas as pd
import pytest

from iqabench import UserError


@pytest.fixture
def owner(trees):
    return trees.vcl()


def test_owner_layout_has_552_images_of_23_scenes_and_four_distortions(owner, open_as):
    table = open_as("vcl", root=owner).table
    assert len(table) == 552
    assert table["scene"].nunique() == 23
    assert table["distortion"].value_counts().to_dict() == dict.fromkeys(
        ["AWGN", "GBLUR", "JPEG", "JP2K"], 138
    )


def test_references_in_the_score_table_do_not_count(trees, open_as):
    root = trees.vcl(scores=None)
    references = pd.DataFrame({"Image": [f"IMG_{n:02d}.bmp" for n in range(1, 24)], "MOS": 99.0})
    pd.concat([references, trees.vcl_scores()]).to_csv(root / "results.csv", index=False)
    assert len(open_as("vcl", root=root).table) == 552


def test_other_tables_and_texts_beside_the_score_table_do_not_disturb(owner, open_as):
    (owner / "readme.txt").write_bytes("Please cite: Zarić et al.".encode("iso-8859-2"))
    (owner / "observers.csv").write_text("observer,age\n1,24\n2,31\n")
    assert len(open_as("vcl", root=owner).table) == 552


def test_second_score_table_is_an_error_until_one_is_chosen(owner, trees, open_as):
    (owner / "old.csv").write_text((owner / "results.csv").read_text())
    with pytest.raises(UserError, match=r"several score files: .*old\.csv, .*results\.csv; .*`scores`"):
        open_as("vcl", root=owner)
    assert len(open_as("vcl", root=owner, scores="results.csv").table) == 552


def test_no_score_table_is_an_error_that_says_what_was_looked_for(trees, open_as):
    root = trees.vcl(scores=None)
    with pytest.raises(UserError, match=r"no score file with names such as IMG_01_AWGN_1.*VCL, which has no"):
        open_as("vcl", root=root)
    with pytest.raises(UserError, match=r"no such file: scores = .*absent\.xls"):
        open_as("vcl", root=root, scores="absent.xls")


def test_image_that_the_score_table_leaves_out_has_no_label(trees, open_as):
    root = trees.vcl(scores=None)
    trees.vcl_scores().iloc[1:].to_csv(root / "results.csv", index=False)
    with pytest.raises(UserError, match=r"image without a score.*: vcl_fer/IMG_01_AWGN_1\.bmp;"):
        open_as("vcl", root=root)


@pytest.mark.parametrize("name", ["IMG_01_AWGN_1.bmp", "IMG_23_JPG_5.jpg"])
def test_scored_image_that_does_not_exist_is_named(owner, open_as, name):
    (owner / "vcl_fer" / name).unlink()
    with pytest.raises(UserError, match=f"no such image of the 552 under .*VCL: vcl_fer/{name};"):
        open_as("vcl", root=owner)


def test_two_files_of_one_image_are_refused(owner, open_as):
    image = owner / "vcl_fer" / "IMG_01_AWGN_1"
    image.with_suffix(".png").write_bytes(image.with_suffix(".bmp").read_bytes())
    with pytest.raises(UserError, match=r"vcl_fer: IMG_01_AWGN_1\.bmp and IMG_01_AWGN_1\.png are one image"):
        open_as("vcl", root=owner)


def test_what_a_spreadsheet_program_keeps_beside_an_open_file_is_passed_over(owner, open_as):
    (owner / "~$results.xlsx").write_bytes(b"who has it open")
    assert len(open_as("vcl", root=owner).table) == 552
