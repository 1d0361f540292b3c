"""A large store is listed from an index, which says nothing that the files do not say."""

import os
import time
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iqabench.bench.store import metric_cache
from iqabench.bench.store import store as store_module
from iqabench.bench.store.cell import Cell
from iqabench.bench.store.listing import index
from iqabench.bench.store.results import read_results
from iqabench.bench.store.sealed_parquet import write_sealed_table
from iqabench.bench.store.store import Store
from iqabench.tests.fabricated import drawn_cell, noisy
from iqabench.tests.flips import flipped

TICK = 0.02  # seconds after which a file that is written again has another time


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A store of four cells that counts as a large one; no file is in a sample."""
    for module in (index, metric_cache):
        monkeypatch.setattr(module, "INDEXED_FROM", 3)
        monkeypatch.setattr(module, "SAMPLE", 0)
    monkeypatch.setattr(index, "_UNSETTLED", 0)
    monkeypatch.setattr(metric_cache, "INTERVALS_CHECKED", 0)
    store = Store(tmp_path / "results")
    for seed in range(4):
        drawn_cell(store, noisy(0.1 * seed), seed=seed)
    time.sleep(TICK)
    return store


@pytest.fixture
def looks(monkeypatch):
    """The files that were read, to list them or for their scores."""
    found: list[str] = []
    for module, name in ((index, "read_cell"), (metric_cache, "read_scores")):
        monkeypatch.setattr(module, name, _noting(found, getattr(module, name)))
    return found


def _noting(found: list[str], read: Any) -> Any:
    def noting(what: Any) -> Any:
        found.append(getattr(what, "path", what).name)
        return read(what)

    return noting


def file_of(store):
    return store.root / "cache" / "cells.index"


def rewritten(store, column, value):
    """Put a value into a column of the first row of the index, with a checksum that fits."""
    table = pq.read_table(file_of(store))
    place = table.schema.get_field_index(column)
    field = table.schema.field(place)
    values = pa.array([value, *table[column].to_pylist()[1:]], field.type)
    write_sealed_table(table.set_column(place, field, values), file_of(store))


def test_a_second_listing_reads_no_file_and_finds_the_same(large, looks):
    first = list(large.cells())
    assert len(looks) == 4
    assert list(large.cells()) == first
    assert len(looks) == 4
    assert sorted(cell.provenance["cell"]["seed"] for cell in first) == [0, 1, 2, 3]


def test_results_read_no_score_whose_metrics_are_kept(large, looks):
    first = read_results(large, resamples=3)
    looks.clear()
    again = read_results(large, resamples=3)
    assert not looks
    pd.testing.assert_frame_equal(again.frame, first.frame, check_exact=True)


def test_a_small_store_has_no_index(large, monkeypatch):
    monkeypatch.setattr(index, "INDEXED_FROM", 4)
    assert len(list(large.cells())) == 4
    assert not file_of(large).exists()


def test_new_removed_and_replaced_files_are_seen(large):
    paths = [cell.path for cell in large.cells()]
    paths[0].unlink()
    drawn_cell(large, seed=9)
    times = paths[1].stat()
    other = drawn_cell(Store(large.root.parent / "other"), noisy(0.5), seed=1)
    paths[1].write_bytes(other.read_bytes())
    os.utime(paths[1], ns=(times.st_atime_ns, times.st_mtime_ns))
    cells = {cell.path: cell for cell in large.cells()}
    assert paths[0] not in cells
    assert len(cells) == 4
    file_of(large).unlink()
    assert list(large.cells()) == list(cells.values())


def test_a_flipped_bit_of_an_indexed_cell_is_named(large):
    before = list(large.cells())
    for bit in flipped(before[0].path, flips=20):
        assert list(large.cells()) == before[1:], bit
        assert large.unreadable[0][0] == before[0].path
        time.sleep(TICK)
    time.sleep(TICK)
    assert list(large.cells()) == before


def test_a_flipped_bit_of_the_index_is_as_good_as_no_index(large):
    before = list(large.cells())
    for bit in flipped(file_of(large)):
        assert index._load(large.root) == {}, bit
        assert list(large.cells()) == before


@pytest.mark.parametrize(
    ("column", "value"), [("key", "0" * 20), ("content", "0" * 64), ("told", b'{"cell": {}}')]
)
def test_an_index_that_says_what_the_files_do_not_say_is_not_believed(large, monkeypatch, column, value):
    before = list(large.cells())
    rewritten(large, column, value)
    assert list(large.cells()) != before, "the forged index is read where no file is in the sample"
    monkeypatch.setattr(index, "SAMPLE", 4)
    assert list(large.cells()) == before


def test_kept_metrics_of_a_large_store_that_are_not_those_of_the_scores_are_not_believed(large, monkeypatch):
    sound = read_results(large, resamples=3).frame
    path = large.root / "cache" / "metrics.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("srocc")
    poisoned = table.set_column(place, table.schema.field(place), pa.array([0.99] * len(table)))
    write_sealed_table(poisoned, path)
    assert list(read_results(large, resamples=3).frame["srocc"]) == [0.99] * 4
    monkeypatch.setattr(metric_cache, "SAMPLE", 1)
    pd.testing.assert_frame_equal(read_results(large, resamples=3).frame, sound, check_exact=True)


def test_a_file_that_has_just_been_written_is_not_indexed(large, monkeypatch, looks):
    monkeypatch.setattr(index, "_UNSETTLED", 10 * 10**9)
    assert list(large.cells()) == list(large.cells())
    assert len(looks) == 8


def test_the_index_of_another_version_is_not_read(large, monkeypatch, looks):
    list(large.cells())
    monkeypatch.setattr(index, "_SCHEMA", index._SCHEMA.with_metadata({"written by": "another"}))
    list(large.cells())
    assert len(looks) == 8


def test_whether_a_cell_is_done_is_known_from_the_index(large, looks, monkeypatch):
    cells = [Cell(**stored.provenance["cell"]) for stored in large.cells()]
    paths = [large.path(cell) for cell in cells]
    monkeypatch.setattr(store_module, "read_cell", _noting(looks, store_module.read_cell))
    looks.clear()
    other = Store(large.root)
    assert all(map(other.has, cells))
    assert not looks
    paths[0].write_bytes(paths[1].read_bytes())
    paths[1].unlink()
    assert list(map(other.has, cells)) == [False, False, True, True]
    assert looks == [paths[0].name]


def test_a_store_that_cannot_be_written_is_listed_and_reported(large):
    (large.root / "cache").write_text("a file where the folder would be")
    assert len(list(large.cells())) == len(read_results(large, resamples=10).frame) == 4
