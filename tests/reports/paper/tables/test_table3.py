"""Table 3: the paper's counts, and those of the store where its files tell them."""

import pandas as pd
import pytest

from iqabench.bench.store.outside.cells import store_outside
from iqabench.bench.store.outside.table import Scale, read_outside
from iqabench.bench.store.results import read_results

from ....fabricated import drawn_cell
from ...tables import row_of, tables_by

tables_of = tables_by("table3")


def shown(table, name):
    """The text and the small print of a row's cells."""
    (cells,) = row_of(table, name).cells
    return [" ".join([cell.text, *cell.lines]) for cell in cells]


def save_split(root, dataset, train, test, seed=0):
    sides = ["train"] * train + ["test"] * test
    frame = pd.DataFrame({"path": [f"{i}.png" for i in range(len(sides))], "scene": "s", "split": sides})
    (root / "splits").mkdir(exist_ok=True)
    frame.to_csv(root / "splits" / f"{dataset}-seed{seed}.csv", index=False)


def test_it_lists_the_papers_databases_and_then_the_stores_others_with_the_papers_counts(results):
    table = tables_of(results({"dataset": "mine"}, {"dataset": "live", "n": 160}))["3"]
    assert {row.name.text: shown(table, row.name.text) for row in table.rows} == {
        "LIVE": ["– paper 799", "– paper 5", "160"],
        "VCL": ["– paper 575", "– paper 4", "–"],
        "LIVEC": ["– paper 1,162", "–", "–"],
        "KONIQ": ["– paper 10,073", "–", "–"],
        "mine": ["–", "–", "100"],
    }


def test_the_store_tells_how_many_images_and_types_it_has(store):
    drawn_cell(store, dataset="live")  # 120 test images of one distortion
    save_split(store.root, "live", 659, 120)
    table = tables_of(read_results(store, resamples=0), store.root)["3"]
    assert shown(table, "LIVE") == ["779 paper 799 (−20)", "1 paper 5 (−4)", "120"]


@pytest.mark.parametrize("content", [None, "path,split\n", "nonsense", "path,split\na,train\nb,test\n"])
def test_a_split_that_is_missing_or_not_the_cells_tells_nothing(store, content):
    drawn_cell(store, dataset="live")
    (store.root / "splits").mkdir()
    if content is not None:
        (store.root / "splits" / "live-seed0.csv").write_text(content)
    table = tables_of(read_results(store, resamples=0), store.root)["3"]
    assert shown(table, "LIVE")[0] == "– paper 799"


def test_cells_of_a_part_of_the_images_tell_nothing(store):
    drawn_cell(store, dataset="live", limit=120)
    save_split(store.root, "live", 659, 120)
    table = tables_of(read_results(store, resamples=0), store.root)["3"]
    assert shown(table, "LIVE")[:2] == ["– paper 799", "– paper 5"]


def test_scores_from_elsewhere_do_not_take_the_place_of_the_stores_images(store, tmp_path):
    drawn_cell(store, dataset="live", context={"created": "2020-01-01T00:00:00+00:00"})
    save_split(store.root, "live", 659, 120)
    before = shown(tables_of(read_results(store, resamples=0), store.root)["3"], "LIVE")
    file = tmp_path / "scores.csv"
    file.write_text("image,clean,adversarial\n" + "".join(f"{i}.png,0.{i:03},0.5\n" for i in range(779)))
    table, _ = read_outside(file, scores=Scale(0, 1), dataset="live", attack="fgsm", epsilon=2.0)
    store_outside(table, store, model="theirs", source="others", file=file, command="iqabench import")
    found = read_results(store, resamples=0)
    assert shown(tables_of(found, store.root)["3"], "LIVE") == before
    assert before[2] == "120"
    assert not any("different sets of images" in note for note in found.notes)


def test_a_stand_in_is_marked_and_has_no_number_of_the_paper(results):
    rows = [{"dataset": "live", "stand_in": True}, {"dataset": "synthetic", "stand_in": True}]
    table = tables_of(results(*rows))["3"]
    assert str(row_of(table, "LIVE").name) == "LIVE†"
    assert shown(table, "LIVE")[0] == "–"
    assert "† LIVE and synthetic stands in for a database" in table.caption


def test_the_caption_says_where_the_databases_have_other_counts_than_the_paper_prints(results):
    caption = tables_of(results({}))["3"].caption
    assert "LIVE has 779 distorted images, not the printed 799" in caption
    assert "VCL has 552, and the printed 575 counts its 23 references" in caption
