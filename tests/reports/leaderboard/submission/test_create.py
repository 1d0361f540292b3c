"""Entries made from a store: the newest numbers, their scores in a folder, and nothing overwritten."""

import hashlib
import shutil
import tomllib

import numpy as np
import pytest

from iqabench.bench.core.errors import UserError
from iqabench.bench.store.results import results_table
from iqabench.reports.leaderboard.submission.create import create_entry
from iqabench.reports.leaderboard.submission.verify import examine, verify

from ....fabricated import drawn_cell, drawn_sweep


def test_rows_are_those_of_the_results_table(swept, tmp_path):
    said = create_entry(swept, "resnet", tmp_path / "mine.toml")
    assert said.startswith("5 measured numbers of resnet in ")
    values = tomllib.loads((tmp_path / "mine.toml").read_text())
    assert {key: values[key] for key in ("name", "model", "training", "authors")} == {
        "name": "ResNet", "model": "resnet", "training": "clean", "authors": [],
    }  # fmt: skip
    table = results_table(swept)
    table = table[table["model"] == "resnet"].set_index(["attack", "epsilon"])
    assert len(values["measured"]) == 5
    for row in values["measured"]:
        expected = table.loc[(row["attack"], row["epsilon"])]
        assert [row["srocc"], row["plcc"], row["mse"]] == [
            round(expected[name], 4) for name in ("srocc", "plcc", "mse")
        ]
        assert row["interval"] == [round(expected[name], 4) for name in ("srocc_low", "srocc_high")]
        (file,) = row["scores"]
        assert (tmp_path / file).read_bytes() == (swept.root / expected["file"]).read_bytes()


def test_an_entry_still_verifies_where_it_was_moved_to(made, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.move(made, folder)
    shutil.move(made.with_suffix(".scores"), folder)
    assert verify([folder / "mine.toml"])[1] == 0


def test_facts_of_the_paper_and_digests_of_the_weights(swept, tmp_path):
    weights = swept.root / "checkpoints" / "live" / "cprl-clean-0.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    facts = {"name": "Sturdy", "authors": ["A. Author", "B. Author"], "paper": "A metric", "year": 2025}
    links = {key: f"https://example.org/{key}" for key in ("url", "code", "weights")}
    create_entry(swept, "cprl", tmp_path / "mine.toml", **facts, **links, training="clean, 30 epochs")
    entry = examine(tmp_path / "mine.toml").entry
    assert (entry.name, entry.authors, entry.training) == (
        "Sturdy", ["A. Author", "B. Author"], "clean, 30 epochs",
    )  # fmt: skip
    paper = entry.paper
    assert (paper.title, paper.url, paper.year) == ("A metric", "https://example.org/url", 2025)
    (row,) = entry.weights
    assert (row.dataset, row.seed, row.url) == ("live", 0, "https://example.org/weights")
    assert row.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_the_newest_version_is_taken_and_the_others_are_counted(swept, tmp_path):
    newer = {"weights": "newer", "context": {"created": "2031-01-01T00:00:00+00:00"}}
    drawn_sweep(swept, datasets=("live",), models=("cprl",), epsilons=(1.0,), **newer)
    said = create_entry(swept, "cprl", tmp_path / "mine.toml")
    assert said.startswith("3 measured numbers")
    assert "5 cells of older versions or with other parameters of an attack are left out." in said
    assert {file.cell["weights"] for file in examine(tmp_path / "mine.toml").files} == {"newer"}


def test_variants_and_regimes_are_asked_for(swept, tmp_path):
    drawn_cell(swept, dataset="live", model="cprl", variant="b=0.3", regime="adversarial")
    create_entry(swept, "cprl", tmp_path / "other.toml", regime="adversarial", variant="b=0.3")
    values = tomllib.loads((tmp_path / "other.toml").read_text())
    assert values["name"] == "CPRL (b=0.3, adversarial training)"
    assert values["training"] == "adversarial"
    assert len(values["measured"]) == 1
    with pytest.raises(UserError, match=r"there with --regime adversarial --variant 'b=0.3' and --regime"):
        create_entry(swept, "cprl", tmp_path / "none.toml", regime="adversarial")


def test_what_has_no_usable_scores_is_left_out_and_said(swept, tmp_path):
    drawn_cell(swept, np.full(120, np.nan), dataset="live", model="resnet", attack="fgsm", epsilon=8.0)
    said = create_entry(swept, "resnet", tmp_path / "mine.toml")
    assert said.startswith("5 measured numbers")
    assert "is left out, as it has no usable scores: " in said
    assert "NaN scores in 120 of 120 images." in said
    drawn_cell(swept, np.full(120, np.nan), dataset="live", model="sat")
    with pytest.raises(UserError, match=r"sat has no usable scores in .*NaN scores in 120 of 120 images"):
        create_entry(swept, "sat", tmp_path / "sat.toml")


def test_nothing_is_overwritten(made, swept):
    before = made.read_bytes()
    with pytest.raises(UserError, match=r"mine.toml exists; move it away, or write another file"):
        create_entry(swept, "resnet", made)
    assert made.read_bytes() == before
    made.unlink()
    with pytest.raises(UserError, match=r"mine.scores exists"):
        create_entry(swept, "resnet", made)


def test_wrong_wishes_are_refused_with_advice(swept, tmp_path):
    mine = tmp_path / "mine.toml"
    (tmp_path / "file").write_text("")
    for store, model, out, more, told in (
        (swept, "crpl", mine, {}, "no model 'crpl' in the store: did you mean 'cprl'"),
        (swept, "cprl", tmp_path / "mine.json", {}, "an entry is a TOML file: name it mine.toml"),
        (swept, "cprl", mine, {"year": 2025}, "needs its title, too: --paper TITLE"),
        (swept, "cprl", mine, {"weights": "here"}, r"\[\[weights\]\] row 1: key 'url': found 'here'"),
        (tmp_path / "empty", "cprl", mine, {}, "no results in this folder"),
        (swept, "cprl", tmp_path / "file" / "mine.toml", {}, "cannot be written"),
    ):
        with pytest.raises(UserError, match=told):
            create_entry(store, model, out, **more)
    assert not [*tmp_path.glob("mine*")]


def test_no_name_in_a_store_leads_out_of_the_folder(store, tmp_path):
    drawn_cell(store, dataset="../../etc", model="../m")
    create_entry(store, "../m", tmp_path / "inner" / "mine.toml")
    assert verify([tmp_path / "inner" / "mine.toml"])[1] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"inner", "results"}


@pytest.mark.parametrize("named", ["../secret", "checkpoints/../../secret", "SECRET"])
def test_a_cell_cannot_have_a_file_outside_the_checkpoints_hashed(store, tmp_path, named):
    secret = tmp_path / "secret"
    secret.write_bytes(b"not weights")
    named = str(secret) if named == "SECRET" else named
    drawn_cell(store, model="resnet", context={"checkpoint": named})
    create_entry(store, "resnet", tmp_path / "mine.toml")
    assert hashlib.sha256(b"not weights").hexdigest() not in (tmp_path / "mine.toml").read_text()
