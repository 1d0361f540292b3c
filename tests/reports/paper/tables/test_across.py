"""The table of all pairs of databases."""

from typing import Any

from iqabench.reports.paper.report import compose

from ....fabricated import under_auto
from ...tables import cell_of, tables_by

tables_of = tables_by("across")


def elsewhere(trained_on: str, **stated: Any) -> dict[str, Any]:
    return {"trained_on": trained_on, "variant": f"trained on {trained_on}", "weights": trained_on, **stated}


def crossed(results):
    return results(
        {"dataset": "live", "srocc": 0.9, "plcc": 0.8},
        under_auto("resnet", 1.0, 0.5, dataset="live"),
        {"dataset": "live", "srocc": 0.7, **elsewhere("koniq")},
        under_auto("resnet", 1.0, 0.25, **elsewhere("koniq", dataset="live")),
        {"dataset": "koniq", "srocc": 0.85},
        {"dataset": "koniq", "srocc": 0.6, **elsewhere("live")},
        {"dataset": "koniq", "srocc": 0.1, "model": "sat"},
    )


def test_rows_are_what_was_trained_on_and_groups_what_was_tested(results) -> None:
    table = tables_of(crossed(results))["X"]
    assert [block.heading.text for block in table.blocks] == ["ResNet"]
    assert [row.name.text for row in table.rows] == ["LIVE", "KONIQ"]
    on_live, on_koniq = "Tested on LIVE", "Tested on KONIQ"
    assert cell_of(table, "LIVE", on_live).text == "0.9000"
    assert cell_of(table, "KONIQ", on_live).text == "0.7000"
    assert cell_of(table, "LIVE", on_koniq).text == "0.6000"
    assert cell_of(table, "KONIQ", on_koniq).text == "0.8500"
    assert cell_of(table, "LIVE", on_live, 1).text == "0.8000"
    assert cell_of(table, "KONIQ", on_live, 2).text == "0.2500"
    assert cell_of(table, "LIVE", on_koniq, 2).kind == "absent"
    assert "MSE" in table.caption
    assert not any("MSE" in column.heading for group in table.groups for column in group.columns)


def test_beside_auto_it_says_that_fgsm_is_weaker(results) -> None:
    fgsm = {"attack": "fgsm", "epsilon": 1.0, **elsewhere("live", dataset="koniq")}
    rows = [{"dataset": "koniq"}, {"dataset": "koniq", **elsewhere("live")}, fgsm]
    both = tables_of(results(*rows, under_auto("resnet", 1.0, 0.25, **elsewhere("live", dataset="koniq"))))
    assert "Believe the worst case under auto, " in both["X"].caption
    assert ": FGSM, as the paper has it, is weaker" in both["X"].caption
    assert "Believe" not in tables_of(results(*rows))["X"].caption


def test_what_it_leaves_out_is_told(results) -> None:
    assert tables_of(crossed(results))["X"].notes == ()
    fgsm = {"attack": "fgsm", **elsewhere("live", dataset="koniq")}
    older = {"weights": "older", "created": "2020-01-01T00:00:00+00:00"}
    found = results(
        {"dataset": "koniq"},
        {"dataset": "koniq", **elsewhere("live")},
        *({**fgsm, "epsilon": epsilon} for epsilon in (1.0, 2.0, 4.0)),
        {"dataset": "koniq", **elsewhere("live"), **older},
        {"dataset": "koniq", **elsewhere("live"), "model": "cprl", "variant": "b=0.3, trained on live"},
    )
    assert tables_of(found)["X"].notes == (
        "The table leaves out FGSM at 2/255 and FGSM at 4/255 on models that were trained on another "
        "database.",
        "The table leaves out 1 cell of ResNet (trained on live) on KONIQ, seed 0, of another version or "
        "with other parameters of an attack: it shows what was run last.",
    )
    notes = [note for note in compose(found).notes if "b=0.3, trained on live" in note]
    assert notes[0].startswith(
        "Tables 1, 2 and 4 and the curves leave out 1 cell of variants of CPRL on KONIQ"
    )


def test_cells_of_other_databases_are_in_no_other_table(results) -> None:
    report = compose(crossed(results))
    tables = {table.number: table for table in report.tables}
    assert cell_of(tables["4"], "ResNet", "LIVE").text == "0.9000"
    assert not any("trained on" in note for note in report.notes)
