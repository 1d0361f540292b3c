"""The first table: worst-case SROCC where the attack `auto` was run, and nothing where it was not."""

import pandas as pd
import pytest

from iqabench.bench.store.results import Results
from iqabench.reports.paper.report import compose

from ....fabricated import under_auto
from ...tables import cell_of, row_of, tables_by

tables_of = tables_by("robustness")

ENDS = {("resnet", 1.0): (-0.2, 0.3), ("resnet", 2.0): (-0.5, 0.6)}
ENDS |= {("cprl", 1.0): (0.1, 0.2), ("cprl", 2.0): (-0.4, 0.5)}


@pytest.fixture
def attacked(results):
    """ResNet and CPRL clean and under `auto` at 1 and 2/255, with its columns."""
    rows = [{"model": name, "attack": "none", "srocc": 0.9} for name in ("resnet", "cprl")]
    for (name, epsilon), (worst, width) in ENDS.items():
        rows.append(under_auto(name, epsilon, worst, median_width=width))
    return results(*rows)


def test_it_has_clean_and_worst_case_srocc_the_drop_and_the_width(attacked):
    table = tables_of(attacked)["0"]
    assert cell_of(table, "CPRL", "").text == "0.9000"
    worst = [cell_of(table, "CPRL", "Worst-case SROCC", place) for place in (0, 1)]
    assert [cell.text for cell in worst] == ["0.1000", "−0.4000"]
    assert worst[0].lines[0] == "[0.000, 0.200]"
    assert [cell.best for cell in worst] == [True, False]  # a ranking in reverse is never the best
    assert worst[0].keys == ("key4",)
    drop, width = row_of(table, "CPRL").cells[2]
    assert (drop.text, drop.lines[0], width.text) == ("0.8000", "[0.700, 0.900]", "0.2000")


def test_the_cost_is_the_time_of_an_image_within_all_strengths_counted_once(attacked):
    table = tables_of(attacked)["0"]
    assert row_of(table, "CPRL").cells[3][1].text == "0.01"  # a second for 100 images
    apart = attacked.frame.copy()
    apart.loc[apart["key"] == "key5", ["created", "seconds"]] = ["2031-01-01T00:00:00+00:00", 2.0]
    table = tables_of(Results(apart))["0"]
    assert row_of(table, "CPRL").cells[3][1].text == "0.03"


@pytest.mark.parametrize(("budget", "said"), [("quick", True), ("standard", False)])
def test_it_says_of_which_random_models_a_quick_search_found_too_little(attacked, budget, said):
    frame = attacked.frame.assign(attack_params=f'{{"budget": "{budget}"}}')
    frame.loc[frame["model"] == "cprl", "batch_size"] = 60  # its scores are random, and depend on it
    caption = tables_of(Results(frame))["0"].caption
    assert ("The scores of CPRL are random, for which the budget quick" in caption) == said
    assert "scores of" not in tables_of(Results(frame.assign(batch_size=pd.NA)))["0"].caption


def test_it_stands_before_the_tables_of_the_paper(attacked):
    assert [table.number for table in compose(attacked).tables][:2] == ["0", "1"]


def test_numbers_of_a_doubtful_audit_are_marked_wherever_they_stand_and_the_notes_say_why(results):
    doubted = {"audit": "doubtful", "red_flags": "Half of the gradients are zero."}
    rows = [{"model": model, "srocc": 0.9} for model in ("resnet", "cprl", "sat")]
    rows += [under_auto("resnet", 1.0, 0.8, **doubted), under_auto("cprl", 1.0, 0.1, audit="sound")]
    report = compose(results(*rows, under_auto("sat", 1.0, 0.2)))
    tables = {table.number: table for table in report.tables}
    verdicts = [row_of(tables["0"], name).cells[3][0].text for name in ("ResNet", "CPRL", "SAT")]
    assert verdicts == ["doubtful", "sound", "–"]
    assert [cell.text for cell in row_of(tables["0"], "ResNet").cells[1]] == ["0.8000‡"]
    assert row_of(tables["0"], "ResNet").cells[2][0].text == "0.1000‡"
    assert row_of(tables["A1"], "ResNet").all_cells[0].text == "0.8000‡"
    assert row_of(tables["A1"], "CPRL").all_cells[0].text == "0.1000"
    assert all("‡ marks a doubtful number" in tables[number].caption for number in ("0", "A1"))
    assert "‡" not in tables["4"].caption
    (note,) = (note for note in report.notes if "doubtful" in note)
    assert note.startswith(
        "ResNet is doubtful on LIVE: its numbers under auto at 1/255 may be too high. Half"
    )


def test_it_is_absent_without_such_cells(results):
    assert "0" not in tables_of(results({}, {"attack": "fgsm", "epsilon": 1.0}))
    assert "0" not in tables_of(results({}, {"attack": "auto", "epsilon": 1.0}))


def test_a_model_that_auto_did_not_attack_at_a_strength_has_a_dash(attacked):
    table = tables_of(attacked.only(attacked.frame["key"] != "key4"))["0"]
    assert cell_of(table, "CPRL", "Worst-case SROCC").text == "–"
    assert [cell.text for cell in row_of(table, "CPRL").cells[2]] == ["–", "–"]
