import pytest

from iqabench import UserError
from iqabench.bench.datasets.splits import split_by_scene


@pytest.fixture
def write(tmp_path, trees):
    """Writes a CSV and draws the images it names, but for those whose name begins with `absent`."""

    def write_it(text, encoding="utf-8", draw=True):
        file = tmp_path / "mine" / "scores.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding=encoding)
        names = [line.split(",")[0] for line in text.splitlines()[1:]]
        wanted = {file.parent / name for name in names if not name.startswith(("absent", "/"))}
        trees.draw(sorted(wanted) if draw else ())
        return file

    return write_it


def test_path_and_score_suffice(write, open_as):
    mine = open_as("csv", root=write("path,score\nb/2.bmp,7\na/1.bmp,3\nc.bmp,5\n"))
    assert mine.table["path"].tolist() == ["a/1.bmp", "b/2.bmp", "c.bmp"]
    assert mine.table["score"].tolist() == [3, 7, 5]
    assert mine.table["scene"].tolist() == mine.table["path"].tolist()
    assert (mine.root / mine.table["path"][0]).is_file()


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


@pytest.mark.parametrize(
    ("one", "other"),
    [("Boat", "boat"), ("é", "e\u0301"), ("a b", "a\xa0 b"), ("a", "a\u200b"), ("1", "01"), ("2", "2.0")],
)
def test_a_scene_written_in_two_ways_stands_on_one_side(write, open_as, one, other):
    rows = [f"{n}.bmp,{n},{scene}" for n, scene in enumerate([one, other, "x", "y", "10", "100"])]
    file = write("\n".join(["path,score,scene", *rows]) + "\n")
    table = open_as("csv", root=file).table
    assert table["scene"].tolist() == [one, one, "x", "y", "10", "100"]
    for seed in range(8):
        split = split_by_scene(table, seed)
        assert split[0] == split[1]
    sides = [f"{row},{side}" for row, side in zip(rows, ["train", "test"] * 3, strict=True)]
    file = write("\n".join(["path,score,scene,split", *sides]) + "\n", draw=False)
    with pytest.raises(UserError, match="is in both training"):
        open_as("csv", root=file)


def test_scene_called_nan_is_a_scene(write, open_as):
    file = write("path,score,scene\na.bmp,3,NA\nb.bmp,7,nan\nc.bmp,5,null\n")
    assert open_as("csv", root=file).table["scene"].tolist() == ["NA", "nan", "null"]


@pytest.mark.parametrize("other", ["./a\\1.bmp", "a//1.bmp", "a/./1.bmp", "b/../a/1.bmp"])
def test_same_image_under_two_spellings_is_listed_twice(write, open_as, other):
    file = write("path,score\na/1.bmp,3\nb.bmp,4\n")
    file.write_text(f"path,score\na/1.bmp,3\n{other},3\nb.bmp,4\n")
    with pytest.raises(UserError, match=r"listed more than once: a/1\.bmp \(2 times\);"):
        open_as("csv", root=file)


def test_file_as_spreadsheet_programs_write_it_is_read(write, open_as):
    file = write("path, score \na.bmp,3\nb.bmp,7\n", encoding="utf-8-sig")
    assert open_as("csv", root=file).table["score"].tolist() == [3, 7]


def test_missing_file_is_named(open_as, tmp_path):
    with pytest.raises(UserError, match=r"no such file: root = .*none\.csv; it should be a CSV"):
        open_as("csv", root=tmp_path / "none.csv")


NO_NUMBER = r"image without a score, or with one that is not a number: b\.bmp;"
FIELDS = r"scores\.csv, line 3: \d fields under a heading of 3; .*decimal point"
NO_SCALE = r"scores from 3 to 3 give no scale .*state both `low` and `high`"
REFUSED = {
    "no column": ("path,mos\na.bmp,3\n", r"scores\.csv: no column 'score'; its columns are path, mos"),
    "semicolons": ("path;score\na.bmp;3\n", r"no column 'path'; .*commas separate columns here, not ';'"),
    "two of one name": ("path,score,score\na.bmp,3,4\n", r"scores\.csv: two columns 'score'; keep one"),
    "not UTF-8": ("path,score\n\xff\xfe.bmp,3\n", r"scores\.csv: cannot be read as a CSV file in UTF-8"),
    "empty": ("", r"scores\.csv: cannot be read as a CSV file"),
    "no rows": ("path,score\n", r"no images: .*the label table has no rows"),
    "absolute": ("path,score\n/a.bmp,3\n", r"/a\.bmp is absolute; paths must be relative to .*mine"),
    **{f"score {score!r}": (f"path,score\na.bmp,3\nb.bmp,{score}\nc.bmp,4\n", NO_NUMBER)
       for score in ("", "n/a", "nan", "inf")},
    "decimal comma": ("path,score,scene\na.bmp,3,boat\nb.bmp,7,5,boat\n", FIELDS),
    "short row": ("path,score,scene\na.bmp,3,boat\nb.bmp,7\n", FIELDS),
    "equal scores": ("path,score\na.bmp,3\nb.bmp,3\n", NO_SCALE),
    "a scale without a width": ("path,score\na.bmp,1.7e308\nb.bmp,-1.7e308\n",
                              "scores from .* give no scale"),
    "a rating left out": ("path,score,opinions_1,opinions_3\na.bmp,3,1,3\nb.bmp,7,2,2\n",
                          "opinions_1, opinions_3: a rating distribution takes opinions_1, op"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_with_a_table_is_told(write, open_as, text, told):
    with pytest.raises(UserError, match=told):
        open_as("csv", root=write(text, encoding="latin-1"))


def test_equal_scores_are_read_on_a_stated_scale_which_must_run_upwards(write, open_as):
    file = write("path,score\na.bmp,3\nb.bmp,3\n")
    assert open_as("csv", root=file, low=1, high=5).table["quality"].tolist() == [0.5, 0.5]
    with pytest.raises(UserError, match="`low` must be below `high`, found low = 5 and high = 1"):
        open_as("csv", root=file, low=5, high=1)


def test_ratings_become_shares_in_the_order_of_their_numbers(write, open_as):
    columns = ",".join(f"opinions_{rating}" for rating in range(10, 0, -1))
    file = write(f"path,score,{columns}\na.bmp,3,4,0,0,0,0,0,0,0,0,0\nb.bmp,7,1,0,0,0,0,0,0,0,0,3\n")
    assert open_as("csv", root=file).rating_distributions.tolist() == [[0] * 9 + [1], [0.75, *[0] * 8, 0.25]]


def test_columns_that_are_not_ratings_are_left_alone(write, open_as):
    file = write("path,score,opinions_1,opinions_2,opinions_total\na.bmp,3,1,3,4\nb.bmp,7,2,2,4\n")
    assert open_as("csv", root=file).rating_distributions.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_blank_rows_and_spaces_around_cells_do_not_count(write, open_as):
    write("path,score\na.bmp,1\nb.bmp,1\nc.bmp,1\n")
    file = write("path,score,scene\n a.bmp , 3 ,boat \n,,\n\nb.bmp,7, boat\nc.bmp,5,tree\n , ,\n", draw=False)
    table = open_as("csv", root=file).table
    assert table["path"].tolist() == ["a.bmp", "b.bmp", "c.bmp"]
    assert table["scene"].tolist() == ["boat", "boat", "tree"]


def test_a_column_of_references_is_kept(write, open_as):
    rows = "a.bmp,1,a,train,original.bmp\nb.bmp,2,b,test,./original.bmp\n"
    table = open_as("csv", root=write(f"path,score,scene,split,reference\n{rows}")).table
    assert list(table["reference"]) == ["original.bmp", "original.bmp"]
