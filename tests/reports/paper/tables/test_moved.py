"""The table of how far `auto` moves scores has R in both forms, each named by its source."""

import numpy as np
import pytest
from scipy import stats

from iqabench.bench.store.results import read_results
from iqabench.reports.paper.report import compose

from ....fabricated import drawn_auto, drawn_cell, noisy
from ...tables import tables_by

tables_of = tables_by("moved")


def test_it_has_each_measure_of_a_cell_with_its_interval(store):
    clean, up, down = noisy(0.1), 0.05, 0.15
    ends = {"low": clean - down, "high": clean + up}
    drawn_cell(store, clean, attack="auto", epsilon=1.0, dataset="live", more=ends)
    drawn_cell(store, clean, attack="auto", epsilon=2.0, dataset="live", more=ends)
    table = {table.number: table for table in compose(read_results(store, resamples=20)).tables}["R"]
    room = np.maximum(1 - clean, clean)
    expected = {
        "R (Zhang et al.)": np.log10(room / down).mean(),
        "R (MSU)": np.log10(room / (down + 1e-6)).mean(),
        "Mean rise": up,
        "Mean fall": down,
        "Wasserstein distance (MSU)": stats.wasserstein_distance(clean, clean + up),
        "Energy distance (MSU)": stats.energy_distance(clean, clean + up),
        "Median width": up + down,
    }
    ((cells,),) = (row.cells for row in table.rows)
    assert [column.heading for group in table.groups for column in group.columns] == list(expected)
    assert [float(cell.text) for cell in cells] == pytest.approx(list(expected.values()), abs=6e-5)
    assert all(cell.lines[0].startswith("[") for cell in cells)
    assert "at 1/255" in table.title
    assert all(source in table.caption for source in ("Zhang et al. (2022)", "MSU's benchmark"))


def test_a_score_that_did_not_move_leaves_only_the_form_without_an_offset_undefined(store):
    clean = noisy(0.1)
    still = np.where(np.arange(len(clean)) == 3, clean, clean + 0.1)
    drawn_cell(store, clean, attack="auto", epsilon=1.0, more={"low": clean, "high": still})
    ((cells,),) = (row.cells for row in tables_of(read_results(store, resamples=0))["R"].rows)
    assert [cell.text for cell in cells[:1]] == ["–"]
    assert float(cells[1].text) > 0


def test_a_dataset_that_was_attacked_at_other_strengths_is_there_and_says_so(store):
    drawn_auto(store, "resnet", 1.0, dataset="live")
    for epsilon in (2.0, 4.0):
        drawn_auto(store, "resnet", epsilon, dataset="vcl")
    table = tables_of(read_results(store, resamples=0))["R"]
    assert {block.heading.text: block.title for block in table.blocks} == {
        "LIVE": "ε = 1/255", "VCL": "ε = 2/255",
    }  # fmt: skip
    widths = {block.heading.text: float(block.rows[0].cells[0][-1].text) for block in table.blocks}
    assert widths["VCL"] == pytest.approx(2 * widths["LIVE"])
    assert table.title.startswith("How far auto moves scores at 1/255 and 2/255")


def test_without_intervals_of_auto_there_is_no_such_table(store):
    drawn_cell(store, attack="fgsm", epsilon=1.0)
    assert "R" not in tables_of(read_results(store, resamples=0))
    drawn_auto(store, "resnet", 1.0)
    assert "R" in tables_of(read_results(store, resamples=0))
