"""The CSV report: a row per number, read back by pandas, and no text that a spreadsheet runs."""

import csv
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from iqabench.bench.store.results_text import render_results
from iqabench.reports import published
from iqabench.reports.catalogue import in_order
from iqabench.reports.formats.csv import COLUMNS, neutral, write_csv
from iqabench.reports.paper.report import compose

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'quoted", 'a,b\n"c" =1']
NAMES = {"table": str, "variant": str, "setting": str, "model": str}


def read(path):
    return pd.read_csv(path, dtype=NAMES, keep_default_na=False, na_values=[""])


def tables(results, folder):
    return read(write_csv(compose(results), folder)).fillna({"model": "", "variant": "", "setting": ""})


@pytest.fixture(scope="module")
def folder(swept_results, tmp_path_factory):
    out = tmp_path_factory.mktemp("csv")
    assert write_csv(compose(swept_results), out) == out / "tables.csv"
    return out


def test_every_number_of_the_tables_is_a_row_in_full_precision(folder, swept_table):
    shown = read(folder / "tables.csv")
    assert list(shown) == list(COLUMNS)
    cells = swept_table.set_index(["dataset", "model", "attack", "epsilon"])
    of_models = shown[shown["table"].isin(["1", "2", "4"])]
    assert len(of_models) == 3 * 2 * 7 * 3
    assert list(of_models["table"].unique()) == ["1", "2", "4"]
    for row in of_models.itertuples():
        cell = cells.loc[(row.dataset, row.model, row.attack, row.epsilon)]
        assert row.measured == cell[row.metric]
        assert (row.low, row.high) == (cell[f"{row.metric}_low"], cell[f"{row.metric}_high"])
        assert (row.seeds, row.status, row.stand_in) == (1, "ok", row.dataset == "synthetic")


def test_the_papers_numbers_and_the_difference_stand_beside_what_was_measured(folder):
    shown = read(folder / "tables.csv")
    place = ["table", "dataset", "model", "attack", "epsilon", "metric"]
    paper = published.load()
    known = paper[paper["source"] == published.PAPER].set_index(place)["value"]
    on_live = shown[shown["table"].isin(["1", "2", "4"]) & (shown["dataset"] == "live")]
    assert len(on_live) == 3 * 7 * 3
    for row in on_live.itertuples():
        value = known[tuple(getattr(row, name) for name in place)]
        assert (row.published, row.published_on) == (value, "live")
        assert row.difference == pytest.approx(row.measured - value, abs=1e-12)
    elsewhere = shown[shown["dataset"] == "synthetic"]
    assert elsewhere[["published", "published_on", "difference"]].isna().all(axis=None)


def test_ablations_name_models_and_variants_as_the_published_numbers_do(ablated, tmp_path):
    shown = tables(ablated, tmp_path)
    mine = shown[shown["table"].isin(["5", "6"])]
    paper = published.load().query("table in ['5', '6'] and model == 'cprl' and source == 'cprl'")
    place = ["table", "model", "attack", "epsilon", "variant", "metric"]
    known = paper.set_index(place)["value"]
    on_live = mine[(mine["dataset"] == "live") & (mine["model"] == "cprl")].set_index(place)
    pd.testing.assert_series_equal(
        on_live["published"].dropna().sort_index(), known.sort_index(), check_names=False
    )
    assert set(mine["model"]) == {"cprl", "resnet"}
    assert (mine["published_on"].dropna() == "live").all()
    synthetic = mine[mine["dataset"] == "synthetic"]
    assert synthetic["difference"].isna().all()
    assert synthetic["published"].notna().any()
    assert set(synthetic.loc[synthetic["measured"].notna(), "seeds"]) == {2}
    assert mine["setting"].str.startswith(("keep_top: ", "b = 0.4; keep_top: ")).all()


def test_table_3_is_there_with_what_the_store_does_not_tell(folder):
    third = read(folder / "tables.csv").query("table == '3'")
    live = third[third["dataset"] == "live"].set_index("metric")
    assert live["published"].to_dict() == {"images": 799, "types": 5}
    assert set(live["status"]) == {"not known"}
    assert live["measured"].isna().all()


def test_diverged_and_missing_cells_say_so(results, tmp_path):
    shown = tables(results({"status": "constant scores"}, {"model": "mine", "dataset": "vcl"}), tmp_path)
    fourth = shown[shown["table"] == "4"].set_index(["dataset", "model", "metric"])
    assert fourth.loc[("live", "resnet", "srocc"), ["status", "seeds"]].to_list() == ["constant scores", 1]
    assert fourth.loc[("live", "mine", "srocc"), ["status", "seeds"]].to_list() == ["not run", 0]
    assert fourth.loc[("live", "resnet", "srocc"), "published"] == 0.8807
    assert fourth.loc[("vcl", "mine", "mse"), "measured"] == 0.5


def test_the_cells_are_the_results_table(folder, swept_results):
    printed = replace(swept_results, frame=in_order(swept_results.frame))
    assert (folder / "cells.csv").read_text() == render_results(printed, "csv")


def test_figure_6_is_a_row_per_point(folder, swept_table):
    curves = read(folder / "figure6.csv")
    assert len(curves) == 2 * 2 * 7 * 5
    one = "dataset == 'live' and attack == 'pgd' and model == 'cprl' and epsilon == 8"
    point, cell = (table.query(one).iloc[0] for table in (curves, swept_table))
    names = ["srocc", "srocc_low", "srocc_high"]
    assert point[names].to_list() == cell[names].to_list()


def test_the_numbers_behind_all_explanations_are_in_one_file_per_figure(
    explained_folder, explanation_tables, swept_results, tmp_path
):
    for name in ("cprl", "again"):
        shutil.copytree(explained_folder, tmp_path / "explain" / "synthetic" / name)
    write_csv(compose(swept_results, tmp_path), tmp_path / "report")
    for number in "145":
        once = (explanation_tables / f"figure{number}.csv").read_text().splitlines()
        shown = (tmp_path / "report" / f"figure{number}.csv").read_text().splitlines()
        assert len(shown) == 2 * len(once) - 1
        assert shown[0].split(",")[:2] == ["explained", "dataset"]
        assert shown[1].startswith("cprl,synthetic,")
        assert shown[1].endswith(once[1].removeprefix("synthetic,"))
        assert shown[-1] == shown[len(once) - 1]


def test_no_text_of_a_user_is_a_formula_and_every_text_can_be_had_back(results, tmp_path):
    clean = [{"dataset": text, "model": text, "command": text} for text in HOSTILE]
    attacked = [{**row, "attack": "fgsm", "epsilon": 1.0, "psnr": 48.0} for row in clean]
    write_csv(compose(results(*clean, *attacked)), tmp_path)
    for path in sorted(tmp_path.iterdir()):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows
        for row in rows:
            assert not {row["dataset"][:1], row["model"][:1]} & set("=+-@\t\r")
    cells = pd.read_csv(tmp_path / "cells.csv")
    assert set(cells["model"].str.removeprefix("'")) == {text.replace("\r", "\n") for text in HOSTILE}


def test_only_texts_get_an_apostrophe():
    table = pd.DataFrame(
        {"text": ["-1", "1", None], "number": [-1.5, 2.0, None], "flag": [True, False, True]}
    )
    safe = neutral(table)
    assert list(safe["text"][:2]) == ["'-1", "1"]
    pd.testing.assert_frame_equal(safe[["number", "flag"]], table[["number", "flag"]])
    assert list(table["text"][:2]) == ["-1", "1"]
