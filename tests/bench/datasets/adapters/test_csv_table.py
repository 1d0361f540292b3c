import pytest

from iqabench import UserError


@pytest.fixture
def write(tmp_path, trees):
    """Writes a CSV and draws the images it names, but for those whose name begins with `absent`."""

    def write_it(text, encoding="utf-8"):
        file = tmp_path / "mine" / "scores.csv"
        file.parent.mkdir()
        file.write_text(text, encoding=encoding)
        names = [line.split(",")[0] for line in text.splitlines()[1:]]
        wanted = {file.parent / name for name in names if not name.startswith(("absent", "/"))}
        trees.draw(sorted(wanted))
        return file

    return write_it


def test_path_and_score_suffice(write, open_as):
    mine = open_as("csv", root=write("path,score\nb/2.bmp,7\na/1.bmp,3\nc.bmp,5\n"))
    assert mine.table["path"].tolist() == ["a/1.bmp", "b/2.bmp", "c.bmp"]
    assert mine.table["score"].tolist() == [3, 7, 5]
    assert mine.table["scene"].tolist() == mine.table["path"].tolist()
    assert mine.image_path(0).is_file()


def test_scale_is_the_files_own_unless_stated(write, open_as):
    file = write("path,score\na.bmp,3\nb.bmp,7\nc.bmp,5\n")
    assert open_as("csv", root=file).table["quality"].tolist() == [0, 1, 0.5]
    stated = open_as("csv", root=file, low=0, high=10)
    assert stated.table["quality"].tolist() == pytest.approx([0.3, 0.7, 0.5])
    assert (stated.low, stated.high) == (0, 10)


def test_lower_is_better_turns_the_scale(write, open_as):
    file = write("path,score\na.bmp,3\nb.bmp,7\n")
    assert open_as("csv", root=file, lower_is_better=True).table["quality"].tolist() == [1, 0]


def test_scene_distortion_and_split_are_taken_from_the_file(write, open_as):
    file = write(
        "path,score,scene,distortion,split\n"
        "a.bmp,3,boat,blur,train\nb.bmp,7,boat,noise,train\nc.bmp,5,,noise,test\n"
    )
    table = open_as("csv", root=file).table
    assert table["scene"].tolist() == ["boat", "boat", "c.bmp"]
    assert table["distortion"].tolist() == ["blur", "noise", "noise"]
    assert table["split"].tolist() == ["train", "train", "test"]


def test_scene_called_nan_is_a_scene(write, open_as):
    file = write("path,score,scene\na.bmp,3,NA\nb.bmp,7,nan\nc.bmp,5,null\n")
    assert open_as("csv", root=file).table["scene"].tolist() == ["NA", "nan", "null"]


def test_same_image_under_two_spellings_is_listed_twice(write, open_as):
    file = write("path,score\na/1.bmp,3\nb.bmp,4\n")
    file.write_text("path,score\na/1.bmp,3\n./a\\1.bmp,3\nb.bmp,4\n")
    with pytest.raises(UserError, match=r"listed more than once: a/1\.bmp \(2 times\);"):
        open_as("csv", root=file)


def test_file_as_spreadsheet_programs_write_it_is_read(write, open_as):
    file = write("path, score \na.bmp,3\nb.bmp,7\n", encoding="utf-8-sig")
    assert open_as("csv", root=file).table["score"].tolist() == [3, 7]


def test_missing_file_is_named(open_as, tmp_path):
    with pytest.raises(UserError, match=r"no such file: root = .*none\.csv; it should be a CSV"):
        open_as("csv", root=tmp_path / "none.csv")


def test_missing_column_is_named_with_those_there_are(write, open_as):
    with pytest.raises(UserError, match=r"scores\.csv: no column 'score'; its columns are path, mos"):
        open_as("csv", root=write("path,mos\na.bmp,3\n"))


def test_unreadable_file_is_named(write, open_as):
    file = write("path,score\na.bmp,3\n")
    file.write_bytes(b"path,score\n\xff\xfe\xfa.bmp,3\n")
    with pytest.raises(UserError, match=r"scores\.csv: cannot be read as a CSV file in UTF-8"):
        open_as("csv", root=file)
    file.write_text("")
    with pytest.raises(UserError, match=r"scores\.csv: cannot be read as a CSV file"):
        open_as("csv", root=file)


def test_file_without_rows_is_an_error(write, open_as):
    with pytest.raises(UserError, match=r"no images: .*the label table has no rows"):
        open_as("csv", root=write("path,score\n"))


def test_absolute_path_is_refused(write, open_as):
    with pytest.raises(UserError, match=r"/a\.bmp is absolute; paths must be relative to .*mine"):
        open_as("csv", root=write("path,score\n/a.bmp,3\nb.bmp,4\n"))


@pytest.mark.parametrize("score", ["", "n/a", "nan", "inf"])
def test_score_that_is_no_number_names_the_image(write, open_as, score):
    file = write(f"path,score\na.bmp,3\nb.bmp,{score}\nc.bmp,4\n")
    with pytest.raises(UserError, match=r"image without a score, or with one that is not a number: b\.bmp;"):
        open_as("csv", root=file)


def test_equal_scores_need_a_stated_scale(write, open_as):
    file = write("path,score\na.bmp,3\nb.bmp,3\n")
    with pytest.raises(UserError, match=r"scores from 3 to 3 give no scale .*state both `low` and `high`"):
        open_as("csv", root=file)
    assert open_as("csv", root=file, low=1, high=5).table["quality"].tolist() == [0.5, 0.5]


def test_stated_scale_must_run_upwards(write, open_as):
    with pytest.raises(UserError, match="`low` must be below `high`, found low = 5 and high = 1"):
        open_as("csv", root=write("path,score\na.bmp,3\n"), low=5, high=1)


def test_opinions_are_shares_of_each_rating_in_the_order_of_their_numbers(write, open_as):
    columns = ",".join(f"opinions_{rating}" for rating in range(10, 0, -1))
    file = write(f"path,score,{columns}\na.bmp,3,4,0,0,0,0,0,0,0,0,0\nb.bmp,7,1,0,0,0,0,0,0,0,0,3\n")
    assert open_as("csv", root=file).opinions.tolist() == [[0] * 9 + [1], [0.75, *[0] * 8, 0.25]]
