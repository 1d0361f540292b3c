"""A sweep that finds its cells in the store has them shown by the names that its configuration gives them."""

import datetime

import pandas as pd
import pytest

from iqabench.bench.store.results import read_results

CONDITION = ["dataset", "model", "variant", "regime", "seed"]


@pytest.fixture
def shown(sweep, tmp_path):
    """Sweep with some tables; return the rows that a report shows by variant, and what the command said."""

    def run(table, *options, attack="noise"):
        done, _ = sweep("--attacks", attack, "--epsilons", "4", "--limit", "6", *options, tables=table)
        rows = read_results(tmp_path / "results", resamples=0).newest(CONDITION)
        return rows[rows["attack"] == attack].set_index("variant"), done.output

    return run


def test_a_defence_of_the_sweep_that_becomes_the_models_own_is_shown_as_the_model_while_it_is(shown):
    rows, _ = shown("", "--models", "linear", "--defences", "gaussian,none")
    assert rows["defence"].to_dict() == {"": "", "defence=gaussian": "gaussian"}
    rows, said = shown("[models.linear]\ndefence = 'gaussian'", "--models", "linear")
    assert rows["defence"].to_dict() == {"": "gaussian"}
    assert "0 computed, 3 found" in said
    assert "drawn / linear: 3 stored cells of an earlier configuration" in said
    rows, said = shown("", "--models", "linear")
    assert rows["defence"].to_dict() == {"": ""}
    assert "0 computed, 2 found" in said


def test_points_of_a_grid_are_named_by_the_models_own_table_as_it_is_now(shown):
    table = "[models.tiny]\nwidth = {}\n[grid.tiny]\nwidth = [4, 2]\n"
    rows, _ = shown(table.format(4))
    before = rows["srocc"].to_dict()
    assert before.keys() == {"", "width=2"}
    for width, names in ((2, {"": "width=2", "width=4": ""}), (4, {"": "", "width=2": "width=2"})):
        rows, said = shown(table.format(width))
        assert "0 computed, 4 found" in said
        assert rows["srocc"].to_dict() == {name: before[former] for name, former in names.items()}
    assert "stored cell" not in shown(table.format(4))[1]


def test_parameters_of_an_attack_that_are_changed_back_are_shown_again(shown):
    steps = [
        shown(f"[attacks.mine]\nlike = 'pgd'\nsteps = {steps}", "--models", "linear", attack="mine")[0][
            "attack_params"
        ].iloc[0]
        for steps in (3, 4, 3)
    ]
    assert ['"steps": 3' in steps[0], '"steps": 4' in steps[1], '"steps": 3' in steps[2]] == [True] * 3


def test_a_cell_that_is_named_anew_keeps_its_key_and_its_scores(shown, tmp_path):
    def files():
        return {
            path.name: pd.read_parquet(path) for path in (tmp_path / "results" / "cells").rglob("*.parquet")
        }

    shown("", "--models", "linear", "--defences", "gaussian")
    before = files()
    shown("[models.linear]\ndefence = 'gaussian'", "--models", "linear")
    after = files()
    assert before.keys() == after.keys()
    for name, scores in before.items():
        pd.testing.assert_frame_equal(scores, after[name])


def test_a_clock_that_was_set_back_leaves_the_last_sweep_the_one_that_is_shown(shown, monkeypatch):
    class Ahead(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(days=400)

    def steps(number):
        rows, said = shown(
            f"[attacks.mine]\nlike = 'pgd'\nsteps = {number}", "--models", "linear", attack="mine"
        )
        return rows["attack_params"].iloc[0], "stored cell" in said

    with monkeypatch.context() as patch:
        patch.setattr("datetime.datetime", Ahead)
        assert '"steps": 3' in steps(3)[0]
    assert '"steps": 4' in steps(4)[0]
    shown_again, named_anew = steps(4)
    assert '"steps": 4' in shown_again
    assert not named_anew
