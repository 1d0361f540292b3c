"""Datasets and plugins of one file name are refused or told apart, and never take each other's place."""

import shutil

import pandas as pd
import pytest

from .conftest import cells_in

SHARP = """
import iqabench
import torch
from torch import nn

@iqabench.register_model("{name}")
class Sharp(nn.Module):
    recipe = "none"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor({weight}))

    def forward(self, images):
        return self.weight * images.diff(dim=-1).abs().mean((1, 2, 3))
"""


@pytest.fixture
def two(drawn_database, tmp_path):
    """Two label files of one name, whose labels run in opposite directions."""
    table = pd.read_csv(drawn_database)
    for folder, scores in (("a", table["score"]), ("b", 1 - table["score"])):
        (tmp_path / folder).mkdir()
        shutil.copytree(tmp_path / "images", tmp_path / folder / "images")
        table.assign(score=scores).to_csv(tmp_path / folder / "same.csv", index=False)
    return [str(tmp_path / folder / "same.csv") for folder in "ab"]


def test_two_label_files_of_one_name_are_refused_in_one_command_and_in_two(sweep, two, tmp_path):
    options = ("--models", "linear", "--attacks", "noise", "--epsilons", "4", "--datasets")
    done, cells = sweep(*options, ",".join(two), exits=2)
    assert f"datasets {two[0]} and {two[1]} would both be called same" in done.output
    assert not cells
    sweep(*options, two[0])
    refused, _ = sweep(*options, two[1], exits=2)
    assert f"same is the name of {two[0]} in" in refused.output
    assert f"{two[1]} would take its place in reports" in refused.output

    assert len({cell["dataset_digest"] for cell in cells_in(tmp_path / "results")}) == 1


def test_a_label_file_that_was_changed_moved_or_copied_keeps_its_name(sweep, two, tmp_path):
    options = ("--models", "linear", "--attacks", "noise", "--epsilons", "4", "--datasets")
    assert "2 computed" in sweep(*options, two[0])[0].output
    table = pd.read_csv(two[0])
    table.assign(score=table["score"] ** 2).to_csv(two[0], index=False)
    assert "2 computed" in sweep(*options, two[0])[0].output
    shutil.copy(two[0], two[1])
    assert "2 found done" in sweep(*options, two[1])[0].output
    (tmp_path / "b").rename(tmp_path / "c")
    assert "2 found done" in sweep(*options, str(tmp_path / "c" / "same.csv"))[0].output


def test_label_files_of_one_name_are_both_in_the_report_by_tables_of_their_own(
    sweep, iqabench, two, tmp_path
):
    table = '[datasets.{}]\nadapter = "csv"\nroot = "{}"\n'
    tables = table.format("p", two[0]) + table.format("q", two[1])
    sweep("--models", "linear", "--attacks", "fgsm", "--epsilons", "1", "--datasets", "p,q", tables=tables)
    results = str(tmp_path / "results")
    iqabench("report", "--format", "csv", "--results", results, "--out", str(tmp_path / "report"))
    rows = pd.read_csv(tmp_path / "report" / "cells.csv")
    clean = rows[rows["attack"] == "none"].set_index("dataset")["srocc"]
    assert clean["p"] == pytest.approx(-clean["q"])


def test_labels_on_a_small_part_of_their_scale_are_said_to_be(sweep, drawn_database):
    table = f'[datasets.p]\nadapter = "csv"\nroot = "{drawn_database}"\nlow = 0\nhigh = '
    told = "p: labels from 0 to 1 take up little of the scale from 0 to "
    options = ("--models", "linear", "--attacks", "noise", "--epsilons", "4", "--datasets", "p")
    for high, said in ((100, True), (5, False)):
        done, _ = sweep(*options, tables=f"{table}{high}")
        assert (f"{told}{high}, so most images count as equally good" in done.output) is said


def test_of_two_plugins_of_one_file_name_each_has_its_own_cells(
    iqabench, drawn_database, tiny_config, tmp_path
):
    files = [tmp_path / folder / "model.py" for folder in "ab"]
    for file, weight in zip(files, (1.0, 2.0), strict=True):
        file.parent.mkdir()
        file.write_text(SHARP.format(name=file.parent.name, weight=weight))
    plugins = [option for file in files for option in ("--plugin", str(file))]

    def swept(exits=0):
        return iqabench(
            "run", "--config", str(tiny_config), *plugins, "--models", "a,b", "--attacks", "noise",
            "--epsilons", "4", "--datasets", str(drawn_database), "--results", str(tmp_path / "results"),
            exits=exits,
        )  # fmt: skip

    assert "4 computed, 0 found done" in swept().output
    listed = iqabench("list", "models", *plugins).output
    assert {
        (line.split()[0], str(file)) for line in listed.splitlines() for file in files if str(file) in line
    } == {(file.parent.name, str(file)) for file in files}
    files[0].write_text(SHARP.format(name="a", weight=1.0).replace("diff(dim=-1)", "diff(dim=-2)"))
    assert "2 computed, 2 found done" in swept().output
    sources = {(cell["model"], cell["model_source"]) for cell in cells_in(tmp_path / "results")}
    assert sorted(name for name, _ in sources) == ["a", "a", "b"]
    files[1].write_text(SHARP.format(name="a", weight=2.0))
    refused = swept(exits=2)
    assert f"{files[0]} and {files[1]} both register the model 'a'" in refused.output
