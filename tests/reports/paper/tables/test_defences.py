"""The table of defences: static beside adaptive, and nothing where no defence was attacked."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from iqabench.bench.store.results import Results
from iqabench.reports.formats.html import render_html
from iqabench.reports.paper.report import compose

from ....fabricated import behind, under_auto
from ...tables import cell_of, row_of, tables_by

tables_of = tables_by("defences")


@pytest.fixture
def defended(results) -> Results:
    """ResNet bare and behind two defences; the knowledge of one makes the attack on it weaker."""
    doubted = {"audit": "doubtful", "red_flags": "The gradient of the defence misleads the attack."}
    adaptive = results(
        {"srocc": 0.9},
        under_auto("resnet", 1.0, -0.5, audit="sound"),
        {"srocc": 0.85, **behind("jpeg")},
        under_auto("resnet", 1.0, -0.3, knowledge="adaptive", audit="sound", **behind("jpeg")),
        {"srocc": 0.8, **behind("median")},
        under_auto("resnet", 1.0, 0.7, knowledge="adaptive", **doubted, **behind("median")),
        {"model": "sat", "srocc": 0.7},
    )
    static = results(
        under_auto("resnet", 1.0, 0.6, knowledge="static", **behind("jpeg")),
        under_auto("resnet", 1.0, 0.1, knowledge="static", **behind("median")),
    )
    return replace(adaptive, static=static.frame)


def test_each_model_stands_bare_and_behind_each_of_its_defences(defended: Results) -> None:
    table = tables_of(defended)["D"]
    assert [row.name.text for row in table.rows] == ["ResNet, no defence", "ResNet, jpeg", "ResNet, median"]
    jpeg = "ResNet, jpeg"
    assert cell_of(table, jpeg, "").text == "0.8500"
    assert cell_of(table, jpeg, "Worst-case SROCC, static").text == "0.6000"
    assert cell_of(table, jpeg, "Worst-case SROCC, adaptive").text == "−0.3000"
    bare = "ResNet, no defence"
    assert cell_of(table, bare, "Worst-case SROCC, static").kind == "absent"
    assert cell_of(table, bare, "Worst-case SROCC, adaptive").text == "−0.5000"


def test_an_older_version_of_a_defence_is_told(defended: Results, results) -> None:
    assert tables_of(defended)["D"].notes == ()
    older = behind("jpeg", defence_params='"jpeg, quality 20"', created="2020-01-01T00:00:00+00:00")
    found = results({"srocc": 0.7, **older}, under_auto("resnet", 1.0, 0.1, knowledge="adaptive", **older))
    frame = pd.concat([defended.frame, found.frame.assign(key=["old0", "old1"])], ignore_index=True)
    table = tables_of(replace(defended, frame=frame))["D"]
    assert cell_of(table, "ResNet, jpeg", "").text == "0.8500"
    assert table.notes == (
        "The table leaves out 2 cells of ResNet (defence=jpeg) on LIVE, seed 0, of another version or with "
        "other parameters of an attack: it shows what was run last.",
    )


def test_rows_are_in_the_order_of_the_worst_case_of_their_own_dataset(results) -> None:
    found = results(
        *({"srocc": 0.9, **behind(defence)} for defence in ("flip", "jpeg", "median")),
        *(
            under_auto("resnet", 4.0, worst, knowledge="adaptive", **behind(defence))
            for defence, worst in {"flip": 0.1, "jpeg": 0.5, "median": 0.3}.items()
        ),
        under_auto("sat", 1.0, 0.2, dataset="vcl", knowledge="adaptive", **behind("jpeg")),
    )
    (block,) = (block for block in tables_of(found)["D"].blocks if block.heading.text == "LIVE")
    assert [row.name.text for row in block.rows] == ["ResNet, jpeg", "ResNet, median", "ResNet, flip"]


def test_an_adaptive_attack_that_is_weaker_is_marked(defended: Results) -> None:
    table = tables_of(defended)["D"]
    assert row_of(table, "ResNet, jpeg").cells[-1][0].text == "sound"
    assert row_of(table, "ResNet, median").cells[-1][0].kind == "flag"
    assert "0.7000" in cell_of(table, "ResNet, median", "Worst-case SROCC, adaptive").text
    assert cell_of(table, "ResNet, median", "Worst-case SROCC, adaptive").text != "0.7000"


def test_the_page_has_the_cells_of_both_kinds_of_attack_and_each_number_leads_to_its_own(
    defended: Results,
) -> None:
    keys = [f"key{number}" for number in range(len(defended.static))]
    static = defended.static.assign(key=[f"static-{key}" for key in keys])
    page = render_html(compose(replace(defended, static=static)))
    rows = re.findall(r"<tr id=cell\d+>.*?</tr>", page)
    assert len(rows) == len(defended.frame) + len(static)
    assert [sum(f"auto, {kind}<" in row for row in rows) for kind in ("static", "adaptive")] == [2, 2]
    (place,) = re.findall(r'data-cells="(\d+)"[^>]*>0\.6000<', page)
    assert "auto, static" in rows[int(place)]


def test_the_other_tables_are_about_models_without_a_defence_of_the_sweep(defended: Results) -> None:
    report = compose(defended)
    table = {table.number: table for table in report.tables}["0"]
    assert cell_of(table, "ResNet", "Worst-case SROCC").text == "−0.5000"
    assert not any("defence=" in note for note in report.notes)


def test_without_a_defence_there_is_no_such_table(results) -> None:
    assert "D" not in tables_of(results({"srocc": 0.9}, under_auto("resnet", 1.0, 0.5)))


def test_defences_of_one_price_stand_together_in_the_order_of_their_worst_case(results) -> None:
    clean = {"cheap": 0.89, "cheaper": 0.895, "dear": 0.7}
    rows = [{"srocc": srocc, **behind(name)} for name, srocc in clean.items()]
    for name, worst in (("cheap", 0.3), ("cheaper", 0.1), ("dear", 0.6)):
        rows.append(under_auto("resnet", 1.0, worst, knowledge="adaptive", **behind(name)))
    table = tables_of(results({"srocc": 0.9}, under_auto("resnet", 1.0, 0.0), *rows))["D"]
    names = [row.name.text.removeprefix("ResNet, ") for row in table.rows]
    assert names == ["no defence", "cheap", "cheaper", "dear"]
