"""The script of docs/reproduction.md makes a row of each model, variant and regime of a store."""

import importlib
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from iqabench.bench.store.results import results_table
from iqabench.bench.store.store import Store

from .fabricated import drawn_auto, drawn_cell


def test_a_row_has_means_and_ranges_over_seeds_and_the_verdict_and_leaves_gaps_where_nothing_was_measured(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "store")
    for seed in (0, 1):
        for model in ("cprl_eq14", "resnet"):
            drawn_cell(store, model=model, seed=seed)
            drawn_auto(store, model, 1.0, seed=seed)
    drawn_cell(store, model="resnet", regime="adversarial")
    drawn_cell(store, model="cprl_eq14", variant="b=0.5", flags=["Its gradient is zero."])
    script = importlib.import_module("iqabench.docs.algorithm1")
    done = CliRunner().invoke(script.main, [str(store.root)], catch_exceptions=False)

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.output.splitlines()]
    found = pd.DataFrame(rows[2:], columns=rows[0]).set_index("")
    of_tables = ["plain ResNet", "lines 6 and 10 minimise all of Eq. 14"]
    assert list(found.index) == [*of_tables, "cprl_eq14, b=0.5", "resnet, adversarial"]
    assert list(found["seeds"]) == ["2", "2", "1", "1"]
    table = results_table(store.root)
    resnet = table[table["model"].eq("resnet") & table["regime"].eq("clean")]
    clean, worst = resnet["srocc"][resnet["attack"].eq("none")], resnet["worst_srocc"].dropna()
    for title, values in (("clean", clean), ("auto, worst case", worst)):
        numbers = [float(number) for number in re.findall(r"-?\d\.\d\d", found.loc["plain ResNet", title])]
        assert numbers == pytest.approx([values.mean(), values.min(), values.max()], abs=0.006)
    assert "[" not in found.loc["resnet, adversarial", "clean"]
    assert found.loc["cprl_eq14, b=0.5", "audit"] == "doubtful"
    assert found.loc["resnet, adversarial", "auto, worst case"] == "–"
