"""Models trained on one dataset and scored on another: weights, keys, names, and what is refused."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from iqabench.bench.store.cell_file import read_scores
from iqabench.bench.store.condition import Condition
from iqabench.bench.store.results import read_results
from iqabench.bench.store.store import Store

CONFIG = """
[datasets.first]
adapter = "csv"
root = "FOLDER/drawn.csv"

[datasets.second]
adapter = "csv"
root = "FOLDER/second/drawn.csv"

[datasets.whole]
adapter = "csv"
root = "FOLDER/second/drawn.csv"
test_list = "FOLDER/all.txt"

[datasets.small]
adapter = "csv"
root = "FOLDER/small.csv"
"""


@pytest.fixture
def swept(sweep, drawn_database, tiny_config, tmp_path):
    """Run a sweep over two drawn databases, the second with other labels, and return the console."""
    shutil.copytree(drawn_database.parent / "images", tmp_path / "second" / "images")
    table = pd.read_csv(drawn_database)
    (tmp_path / "all.txt").write_text("\n".join(table["path"]))
    table.iloc[[0, 1, 5, 6]].to_csv(tmp_path / "small.csv", index=False)
    table.assign(score=table["score"].round()).to_csv(tmp_path / "second" / "drawn.csv", index=False)
    tiny_config.write_text(tiny_config.read_text() + CONFIG.replace("FOLDER", str(tmp_path)))

    def run(*options, command="run", status=0):
        done, _ = sweep(*options, command=command, exits=status)
        return done.output

    return run


def test_weights_come_from_the_other_dataset_and_scores_are_of_the_tested_one(swept, tmp_path):
    quick = ("--models", "tiny", "--attacks", "fgsm", "--epsilons", "4")
    swept(*quick, "--datasets", "first,second")
    store = Store(tmp_path / "results")
    before = {cell.provenance["key"]: cell.provenance["cell"] for cell in store.cells()}
    shown = swept(*quick, "--datasets", "first,second", "--train-on", "first")
    cells = [cell for cell in Store(tmp_path / "results").cells() if cell.provenance["key"] not in before]

    assert "2 found done; 0 models trained" in shown
    assert [cell.provenance["cell"]["trained_on"] for cell in cells] == ["first"] * 2
    weights = {of["dataset"]: of["weights"] for of in before.values()}
    assert {cell.provenance["cell"]["weights"] for cell in cells} == {weights["first"]}
    assert not any("trained_on" in of and of["trained_on"] for of in before.values())

    (clean,) = (cell for cell in cells if cell.provenance["cell"]["attack"] == "none")
    (own,) = (key for key, of in before.items() if (of["dataset"], of["attack"]) == ("second", "none"))
    (at_home,) = (read_scores(cell) for cell in store.cells() if cell.provenance["key"] == own)
    crossed = read_scores(clean)
    assert list(crossed.images) == list(at_home.images)
    np.testing.assert_array_equal(crossed.quality, at_home.quality)

    frame = read_results(tmp_path / "results").frame
    row = frame[(frame["trained_on"] == "first") & (frame["attack"] == "none")].iloc[0]
    assert Condition.of(row).phrase == "tiny (trained on first) on second, no attack, seed 0"
    assert (frame["trained_on"] == "").sum() == 4


def test_all_pairs_are_trained_once_each(swept, tmp_path):
    options = ("--models", "tiny", "--attacks", "fgsm", "--epsilons", "4", "--datasets", "first,second")
    shown = swept(*options, "--train-on", "first,second")
    assert "8 computed, 0 found done; 2 models trained" in shown
    frame = read_results(tmp_path / "results").frame
    clean = frame[frame["attack"] == "none"]
    assert sorted(zip(clean["trained_on"], clean["dataset"], strict=True)) == [
        ("", "first"), ("", "second"), ("first", "second"), ("second", "first"),
    ]  # fmt: skip
    assert clean["weights"].nunique() == 2
    assert "0 computed, 8 found done; 0 models trained" in swept(*options, "--train-on", "second,first")


def test_images_without_labels_are_scored_by_a_model_trained_elsewhere(swept, tmp_path):
    folder = str(tmp_path / "images")
    options = ("--models", "tiny", "--attacks", "auto", "--epsilons", "4", "--limit", "4")
    assert "--train-on" in swept(*options, "--datasets", folder, status=2)
    swept(*options, "--datasets", folder, "--train-on", "first")
    frame = read_results(tmp_path / "results").frame
    assert set(frame["trained_on"]) == {"first"}
    assert frame["median_width"].max() > 0


def test_a_list_of_all_images_makes_the_whole_database_the_test_side(swept, tmp_path):
    options = ("--models", "tiny", "--attacks", "fgsm", "--datasets", "whole", "--limit", "100")
    swept(*options, "--train-on", "first")
    assert set(read_results(tmp_path / "results").frame["n"]) == {40}


def test_training_alone_trains_on_the_other_dataset_only(swept, tmp_path):
    options = ("--models", "tiny", "--datasets", "second", "--train-on", "first")
    swept(*options, command="train")
    cards = [path.parent.name for path in (tmp_path / "results" / "checkpoints").rglob("*.json")]
    assert cards == ["first"]


def test_a_model_that_brings_its_weights_has_no_other_dataset(swept, tmp_path):
    swept("--models", "linear", "--attacks", "fgsm", "--datasets", "second", "--train-on", "first")
    frame = read_results(tmp_path / "results").frame
    assert set(frame["trained_on"]) == {""} == set(frame["variant"])


def test_what_is_wrong_with_the_other_dataset_is_said_before_anything_is_trained(swept):
    options = ("--models", "tiny", "--attacks", "fgsm", "--datasets", "first")
    assert "unknown" in swept(*options, "--train-on", "nothing", status=2)
    few = swept(*options, "--train-on", "small", status=2)
    assert "dataset 'small' has 2 training images, fewer than one batch of 4" in few


def test_test_images_that_are_training_images_too_are_said_to_be(swept, drawn_database, tmp_path):
    crossed = swept("--models", "tiny", "--datasets", "whole", "--train-on", "first", "--attacks", "noise")
    assert re.search(r"whole: \d+ of the test images have the pixels of training images of first", crossed)
    quick = ("--models", "tiny", "--datasets", "first", "--results", str(tmp_path / "other"))
    assert "have the pixels of" not in swept(*quick, command="train")
    table = pd.read_csv(drawn_database)
    first, last = table["path"].iloc[[0, -1]]
    shutil.copy(tmp_path / first, tmp_path / last)
    sides = np.where(table["scene"] == table["scene"].iloc[-1], "test", "train")
    table.assign(split=sides).to_csv(drawn_database, index=False)
    told = (
        f"first: 1 of the test images have the pixels of training images of first, such as {last} of {first}:"
    )
    assert told in swept(*quick, command="train")
    assert "have the pixels of" not in swept(
        "--models", "linear", "--datasets", "first", "--attacks", "noise"
    )
