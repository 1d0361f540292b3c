"""Table 3: the paper's counts, and those of the store where its files tell them."""

import pandas as pd
import pytest

from iqabench.bench.core import registry
from iqabench.bench.store.results import read_results
from iqabench.reports.paper.databases import databases

from ...fabricated import drawn_cell


def by_dataset(table):
    return {row.dataset: row for row in table.rows}


def save_split(root, dataset, train, test, seed=0):
    sides = ["train"] * train + ["test"] * test
    frame = pd.DataFrame({"path": [f"{i}.png" for i in range(len(sides))], "scene": "s", "split": sides})
    (root / "splits").mkdir(exist_ok=True)
    frame.to_csv(root / "splits" / f"{dataset}-seed{seed}.csv", index=False)


def test_it_lists_the_papers_databases_and_then_the_stores_others_with_the_papers_counts(results):
    rows = by_dataset(databases(results({"dataset": "mine"}, {"dataset": "live", "n": 160})))
    assert list(rows) == ["live", "vcl", "livec", "koniq", "mine"]
    assert [rows[name].images.beside for name in rows] == [
        "paper 799", "paper 575", "paper 1,162", "paper 10,073", "",
    ]  # fmt: skip
    assert [rows[name].types.beside for name in rows] == ["paper 5", "paper 4", "", "", ""]
    assert [rows[name].tested.text for name in rows] == ["160", "–", "–", "–", "100"]
    assert {count.text for row in rows.values() for count in (row.images, row.types)} == {"–"}


def test_the_store_tells_how_many_images_and_types_it_has(store):
    drawn_cell(store, dataset="live")  # 120 test images of one distortion
    save_split(store.root, "live", 659, 120)
    live = by_dataset(databases(read_results(store, resamples=0), store.root))["live"]
    assert (live.images.text, live.images.beside) == ("779", "paper 799 (−20)")
    assert (live.types.text, live.types.beside) == ("1", "paper 5 (−4)")
    assert live.tested.text == "120"


@pytest.mark.parametrize("content", [None, "path,split\n", "nonsense", "path,split\na,train\nb,test\n"])
def test_a_split_that_is_missing_or_not_the_cells_tells_nothing(store, content):
    drawn_cell(store, dataset="live")
    (store.root / "splits").mkdir()
    if content is not None:
        (store.root / "splits" / "live-seed0.csv").write_text(content)
    live = by_dataset(databases(read_results(store, resamples=0), store.root))["live"]
    assert (live.images.text, live.images.beside) == ("–", "paper 799")


def test_cells_of_a_part_of_the_images_tell_nothing(store):
    drawn_cell(store, dataset="live", limit=120)
    save_split(store.root, "live", 659, 120)
    live = by_dataset(databases(read_results(store, resamples=0), store.root))["live"]
    assert (live.images.text, live.types.text) == ("–", "–")


def test_a_stand_in_is_marked_and_has_no_number_of_the_paper(results):
    table = databases(
        results({"dataset": "live", "stand_in": True}, {"dataset": "synthetic", "stand_in": True})
    )
    rows = by_dataset(table)
    assert rows["live"].stand_in
    assert rows["live"].images.beside == ""
    assert "† LIVE and synthetic stands in for a database" in table.caption


@pytest.mark.parametrize(("dataset", "images"), [("live", "779"), ("vcl", "552")])
def test_the_caption_says_where_the_databases_have_other_counts_than_the_paper_prints(
    results, dataset, images
):
    caption = databases(results({})).caption
    published = registry.resolve("datasets", dataset).published
    assert images in published.note
    assert f"{images}" in caption
    assert f"{published.images}" in caption
