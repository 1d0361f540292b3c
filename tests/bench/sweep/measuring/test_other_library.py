"""Attacks of torchattacks in a sweep: cells of intervals, and a sentence where one went the wrong way."""

import pandas as pd
import pytest
import torch

from ....pages import blocks, commands, page_of


def test_an_attack_of_torchattacks_gives_cells_of_intervals_by_its_name(sweep):
    options = ("--models", "linear", "--attacks", "torchattacks:BIM", "--epsilons", "1,4")
    _, cells = sweep(*options)
    for epsilon in (1.0, 4.0):
        table = pd.read_parquet(cells["torchattacks:BIM", epsilon].path)
        # The weights are known: the interval of a linear score is epsilon times the sum of their sizes.
        assert (table["high"] > table["score"]).all()
        assert (table["low"] < table["score"]).all()
        provenance = cells["torchattacks:BIM", epsilon].provenance
        assert provenance["cell"]["attack_params"]["steps"] == 10
        found = provenance["diagnostics"]
        assert found["returned_images"] == found["risen_images"] == 2 * len(table)
        assert found["unmoved_images"] == 0
        assert "notes" not in found
    assert "0 computed" in sweep(*options)[0].output


def test_one_that_goes_the_wrong_way_is_said_and_noted(sweep, iqabench, tmp_path):
    done, cells = sweep("--models", "cheating", "--attacks", "torchattacks:BIM", "--epsilons", "4")
    sentence = "torchattacks:BIM moved the score in the wanted direction in 0 of"
    assert done.output.count(sentence) == 1
    (note,) = cells["torchattacks:BIM", 4.0].provenance["diagnostics"]["notes"]
    assert note.startswith(sentence)
    assert sentence in iqabench("results", "--results", str(tmp_path / "results")).output


@pytest.mark.parametrize(("name", "told"), [("CW", "it has no radius"), ("PDG", "PGD")])
def test_what_cannot_run_is_refused_before_anything_is_computed(sweep, name, told):
    done, cells = sweep("--models", "linear", "--attacks", f"torchattacks:{name}", "--epsilons", "4", exits=2)
    assert told in done.output
    assert not cells


def test_a_table_gives_one_its_parameters(sweep):
    table = '[attacks.longer]\nlike = "torchattacks:MIFGSM"\nsteps = 3\nalpha = 0.01\n'
    _, cells = sweep("--models", "linear", "--attacks", "longer", "--epsilons", "4", tables=table)
    assert cells["longer", 4.0].provenance["cell"]["attack_params"]["steps"] == 3


def test_docs_attacks_runs_as_written(sweep, iqabench):
    page = page_of("attacks.md")
    (table,) = (block for block in blocks(page, "toml") if block.startswith("[attacks.longer]"))
    written = commands(page, ".*torchattacks")
    assert len(written) == 2
    for name, *options in written:
        if name == "run":
            _, cells = sweep(*options, "--models", "linear")
            assert ("torchattacks:PGD", 4.0) in cells
        else:
            iqabench(name, *options, exits=0)
    sweep("--attacks", "longer", "--epsilons", "4", "--models", "linear", tables=table)


def test_a_universal_perturbation_is_learnt_on_the_training_images(sweep, drawn_database):
    options = ("--models", "linear", "--attacks", "universal", "--epsilons", "2,4")
    _, cells = sweep(*options)
    for epsilon in (2.0, 4.0):
        table = pd.read_parquet(cells["universal", epsilon].path)
        # No training image is near black or white, so that the best perturbation of a linear score is known.
        weights = torch.linspace(-1, 1, 3 * 24 * 24) / 864
        reach = epsilon / 255 * float(weights.abs().sum())
        assert table["high"].sub(table["score"]).max() == pytest.approx(reach, rel=0.02)
    assert (pd.read_parquet(cells["universal", 4.0].path)["high"] > table["score"]).all()
    folder = drawn_database.parent / "images"
    done, _ = sweep("--datasets", str(folder), *options, exits=2)
    assert "attack 'universal' learns on training images: there are none" in done.output


PLUGIN = """

from iqabench.attacks.rank import Rank


def made():
    return Rank(steps=2)


iqabench.register_attack("made")(made)
"""


def test_an_attack_that_a_function_builds_is_what_its_class_says(sweep):
    _, cells = sweep("--models", "linear", "--attacks", "made", "--epsilons", "1,2")
    cell = cells["made", 2.0].provenance["cell"]
    assert cell["smaller_epsilons"] == [1.0]
    assert cell["batch_size"] == 2
