import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqabench import DatasetAdapter, UserError
from iqabench.bench.core import registry
from iqabench.bench.datasets.base import quality


@pytest.fixture
def mine(tmp_path, trees):
    """Twelve images of four scenes with scores 1 to 12, in a CSV."""
    folder = tmp_path / "mine"
    rows = pd.DataFrame({"path": [f"img{n:02d}.bmp" for n in range(1, 13)], "score": range(1, 13)})
    rows["scene"] = [f"scene{n // 3}" for n in range(12)]
    trees.draw(folder / path for path in rows["path"])
    rows.to_csv(folder / "scores.csv", index=False)
    return folder / "scores.csv"


def change(file, edit):
    rows = pd.read_csv(file)
    edit(rows)
    rows.to_csv(file, index=False)


def test_table_has_the_columns_of_the_contract(mine, open_as):
    table = open_as("csv", root=mine).table
    assert list(table.columns) == ["path", "score", "quality", "scene", "distortion", "split"]
    assert list(table.index) == list(range(12))


def test_score_outside_the_bounds_is_named_with_score_and_bounds(mine, open_as):
    with pytest.raises(UserError) as caught:
        open_as("csv", root=mine, low=2, high=10.5)
    assert "bench.toml: [datasets.csv]: score outside [2, 10.5]: img01.bmp has 1, and 2 more;" in str(
        caught.value
    )


def test_missing_image_is_named_and_the_others_are_counted(mine, open_as):
    for name in ["img02.bmp", "img05.bmp", "img11.bmp"]:
        (mine.parent / name).unlink()
    with pytest.raises(UserError, match=r"no such image of the 12 under .*mine: img02\.bmp, and 2 more;"):
        open_as("csv", root=mine)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + "/img02.bmp"])
def test_a_name_that_is_too_long_for_a_file_is_a_missing_image_of_its_dataset(mine, open_as, name):
    change(mine, lambda rows: rows.__setitem__("path", rows["path"].replace("img02.bmp", name)))
    with pytest.raises(UserError, match=r"\[datasets\.csv\]: no such image of the 12 under .*mine: x+"):
        open_as("csv", root=mine)


def test_first_problem_says_that_there_are_others(mine, open_as):
    (mine.parent / "img02.bmp").unlink()
    change(mine, lambda rows: rows.__setitem__("score", rows["score"].replace(3, np.nan)))
    with pytest.raises(UserError, match=r"img03\.bmp; .* \(1 more found by `iqabench datasets verify`\)"):
        open_as("csv", root=mine)


def test_digests_do_not_depend_on_where_the_folder_lies(mine, open_as, tmp_path):
    before = open_as("csv", root=mine)
    mine.parent.rename(tmp_path / "moved")
    after = open_as("csv", root=tmp_path / "moved" / "scores.csv")
    assert (before.digest, before.split_digest) == (after.digest, after.split_digest)


@pytest.mark.parametrize(
    ("column", "old", "new"), [("score", 5, 5.5), ("scene", "scene1", "renamed")], ids=["score", "scene"]
)
def test_digest_changes_with_what_is_in_the_table(mine, open_as, column, old, new):
    before = open_as("csv", root=mine)
    change(mine, lambda rows: rows.__setitem__(column, rows[column].replace(old, new)))
    after = open_as("csv", root=mine)
    assert before.digest != after.digest
    assert before.split_digest == after.split_digest


def test_digest_changes_with_the_scale(mine, open_as):
    assert open_as("csv", root=mine).digest != open_as("csv", root=mine, low=0).digest


def test_split_digest_changes_with_the_split_alone(mine, open_as, tmp_path):
    before = open_as("csv", root=mine)
    saved = tmp_path / "splits" / "csv.csv"
    rows = pd.read_csv(saved)
    rows["split"] = np.where(rows["scene"] == "scene0", "test", "train")
    assert before.table["split"].tolist() != rows["split"].tolist()
    rows.to_csv(saved, index=False)
    after = open_as("csv", root=mine)
    assert before.split_digest != after.split_digest
    assert before.digest == after.digest


def twice_scored(table):
    return pd.concat([table, table[["score"]]], axis=1)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda t: t.drop(columns="scene"), r"read\(\) returns no column 'scene'"),
        (lambda t: [1], r"read\(\) returns a list, not a pandas.DataFrame"),
        (twice_scored, r"read\(\) returns two columns 'score'"),
        (lambda t: t.assign(scene=[1, "1"]), r"column 'scene' of read\(\) holds 1, which is not a text"),
        (lambda t: t.assign(scene=["a", None]), r"column 'scene' of read\(\) holds .*, which is not"),
        (lambda t: t.assign(path=[Path("a"), "b"]), r"'path' of read\(\) holds .*Path\('a'\), which"),
        (lambda t: t.assign(score=[1j, 1]), r"column 'score' of read\(\) holds complex numbers"),
        (lambda t: t.lost, r"'mine' cannot be read: AttributeError: .*'lost' \(.*test_base\.py, line \d"),
    ],
)
def test_a_plugins_table_that_is_not_of_the_contract_is_told(open_as, tmp_path, monkeypatch, changed, told):
    class Mine(DatasetAdapter):
        def __init__(self, root: str) -> None:
            super().__init__(root, 0, 1)

        def read(self) -> pd.DataFrame:
            scenes = {"scene": ["a", "b"], "distortion": "blur"}
            return changed(pd.DataFrame({"path": ["a", "b"], "score": [0.5, 1], **scenes}))

    monkeypatch.setitem(registry._PLUGINS["datasets"], "mine", Mine)
    with pytest.raises(UserError, match=f"dataset adapter 'mine'.*{told}" if "'mine'" not in told else told):
        open_as("mine", root=tmp_path)


bounds = st.floats(-1e6, 1e6)


@given(st.lists(bounds, min_size=3), st.booleans())
def test_quality_never_leaves_the_unit_interval_and_keeps_the_order(numbers, lower_is_better):
    low, *scores, high = sorted(numbers)
    if low == high:
        return
    values = quality(scores, low, high, lower_is_better)
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) * (-1 if lower_is_better else 1) >= 0).all()


def test_quality_of_the_bounds_is_zero_and_one():
    assert quality([1, 3, 5], 1, 5, False).tolist() == [0, 0.5, 1]
    assert quality([-3, 112], -3, 112, True).tolist() == [1, 0]


@pytest.mark.parametrize("score", [0.999, 5.001, float("nan")])
def test_quality_refuses_what_is_off_the_scale(score):
    with pytest.raises(ValueError, match=r"scores must lie in \[1, 5\]"):
        quality([3, score], 1, 5, False)


def test_listing_adapters_imports_no_pandas():
    code = "import sys, iqabench.bench.datasets; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
