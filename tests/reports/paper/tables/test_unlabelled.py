"""The table of images without labels: how far scores move of models, also defended or trained elsewhere."""

from typing import Any

from iqabench.reports.paper.report import compose

from ....fabricated import behind, under_auto
from ...tables import tables_by

tables_of = tables_by("unlabelled")


def unlabelled(**stated: Any) -> list[dict[str, Any]]:
    """Rows of clean images and of `auto` on a folder of images."""
    on = {"dataset": "folder", "model": "resnet", "status": "images without labels", **stated}
    return [on, {**on, "attack": "auto", "epsilon": 1.0}]


def moved(row: dict[str, Any], width: float) -> dict[str, Any]:
    measures = {"median_width": width, "median_width_low": width, "median_width_high": width}
    return {**row, **measures}


def test_models_behind_a_defence_or_trained_elsewhere_are_in_it_and_in_no_table_of_correlations(
    results,
) -> None:
    trained = {"trained_on": "live", "variant": "trained on live", "weights": "w-live"}
    adaptive = {**behind("jpeg"), "knowledge": "adaptive"}
    rows = []
    for width, stated in ((0.1, {}), (0.2, trained), (0.3, adaptive)):
        clean, attacked = unlabelled(**stated)
        rows += [{**clean, "knowledge": ""}, moved(attacked, width)]
    labelled = [{"dataset": "live"}, under_auto("resnet", 1.0, 0.5, dataset="live")]
    tables = {table.number: table for table in compose(results(*rows, *labelled)).tables}
    assert {str(row.name): row.all_cells[0].text for row in tables["U"].rows} == {
        "ResNet, auto at 1/255": "0.100",
        "ResNet (trained on live), auto at 1/255": "0.200",
        "ResNet (defence=jpeg), auto at 1/255": "0.300",
    }
    assert not {"X", "D"} & {*tables}
    cells = [cell for table in tables.values() for row in table.rows for cell in row.all_cells]
    assert "undefined" not in {cell.text for cell in cells}


def test_what_is_only_of_a_model_trained_elsewhere_is_told_first(results) -> None:
    rows = unlabelled(trained_on="live", variant="trained on live")
    assert any(
        "The images of folder have no labels" in sentence for sentence in compose(results(*rows)).overview
    )


def test_doubtful_numbers_are_marked_and_seeds_told(results) -> None:
    rows = [row for seed in (0, 1) for row in unlabelled(seed=seed)]
    rows = [moved(row, 0.1) if row.get("attack") else row for row in rows]
    rows[1] |= {"audit": "doubtful", "psnr": 40.0}
    table = tables_of(results(*rows))["U"]
    width, *_, psnr, _ = (cell.text for cell in table.rows[0].all_cells)
    assert (width, psnr) == ("0.100‡", "40.000")
    assert "‡ marks a doubtful number" in table.caption
    assert "several seeds (0 and 1)" in table.caption
