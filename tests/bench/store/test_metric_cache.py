"""Metrics are computed once and kept, which shows in the time alone; what is kept may be lost."""

import os
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from iqabench.bench.statistics.metrics import DEFINITION, evaluate
from iqabench.bench.store import metric_cache
from iqabench.bench.store.cell_file import Scores
from iqabench.bench.store.results import read_results, results_table
from iqabench.bench.store.sealed_parquet import write_sealed_table
from iqabench.bench.store.store import Store

from ...fabricated import drawn_cell, noisy


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    drawn_cell(store)
    drawn_cell(store, noisy(np.nan), model="cprl")
    return store


@pytest.fixture
def evaluated(monkeypatch):
    """The number of resamples of each evaluation since the test began."""
    calls = []

    def counting(quality, scores, *, resamples):
        calls.append(resamples)
        return evaluate(quality, scores, resamples=resamples)

    monkeypatch.setattr(metric_cache, "evaluate", counting)
    monkeypatch.setattr(metric_cache, "INTERVALS_CHECKED", 0)
    return calls


def cache(store):
    return store.root / "cache" / "metrics.parquet"


def test_a_second_table_is_the_same_and_evaluates_nothing(store, evaluated):
    first = read_results(store)
    assert evaluated == [1000, 1000]
    again = read_results(store)
    assert evaluated == [1000, 1000]
    pd.testing.assert_frame_equal(first.frame, again.frame, check_exact=True)
    assert first.left_out == again.left_out


def test_a_new_cell_alone_is_evaluated(store, evaluated):
    results_table(store, resamples=10)
    drawn_cell(store, model="sat")
    results_table(store, resamples=10)
    assert evaluated == [10, 10, 10]


def test_a_file_replaced_under_its_key_has_its_own_numbers(store):
    path = drawn_cell(store)
    before = results_table(store, resamples=10).set_index("model")
    times = path.stat()
    other = drawn_cell(Store(store.root.parent / "other"), noisy(0.3))
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = results_table(store, resamples=10).set_index("model")
    assert after.loc["resnet", "srocc"] < before.loc["resnet", "srocc"]


def test_another_number_of_resamples_has_intervals_of_its_own(store, evaluated):
    few, many = results_table(store, resamples=10), results_table(store, resamples=20)
    assert not few["srocc_low"].equals(many["srocc_low"])
    assert evaluated == [10, 10, 20, 20]
    pd.testing.assert_frame_equal(results_table(store, resamples=10), few, check_exact=True)


def test_without_resamples_what_any_number_of_them_left_will_do(store, evaluated):
    with_intervals = results_table(store, resamples=10)
    without = results_table(store, resamples=0)
    assert evaluated == [10, 10]
    assert list(without["srocc"].dropna()) == list(with_intervals["srocc"].dropna())
    assert without["srocc_low"].isna().all()
    cache(store).unlink()
    pd.testing.assert_frame_equal(results_table(store, resamples=0), without, check_exact=True)


def test_numbers_of_another_definition_count_no_more(store, evaluated, monkeypatch):
    results_table(store, resamples=10)
    newer = metric_cache._SCHEMA.with_metadata({"definition": str(DEFINITION + 1)})
    monkeypatch.setattr(metric_cache, "_SCHEMA", newer)
    results_table(store, resamples=10)
    assert evaluated == [10] * 4


def without_intervals(path):
    write_sealed_table(pq.read_table(path).drop(["srocc_low"]), path)


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [without_intervals, a_folder, lambda path: path.write_bytes(b"")])
def test_a_damaged_cache_is_as_good_as_none(store, damage):
    first = results_table(store, resamples=10)
    damage(cache(store))
    pd.testing.assert_frame_equal(results_table(store, resamples=10), first, check_exact=True)


def test_what_another_process_saves_meanwhile_is_kept(store, monkeypatch):
    others = metric_cache.CellMetrics.of(Scores(("a", "b"), np.arange(2.0), np.arange(2.0)), resamples=0)

    def also_in_another_process(*arguments, **options):
        other = metric_cache.MetricCache(cache(store))
        other.add("another cell", 10, others)
        other.save()
        return evaluate(*arguments, **options)

    monkeypatch.setattr(metric_cache, "evaluate", also_in_another_process)
    results_table(store, resamples=10)
    kept = pq.read_table(cache(store))
    assert kept.num_rows == 3
    assert "another cell" in kept["content"].to_pylist()


def test_ctrl_c_keeps_what_was_evaluated(store, evaluated, monkeypatch):
    def interrupted(*arguments, **options):
        if evaluated:
            raise KeyboardInterrupt
        evaluated.append(10)
        return evaluate(*arguments, **options)

    monkeypatch.setattr(metric_cache, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        results_table(store, resamples=10)
    assert pq.read_table(cache(store)).num_rows == 1


def test_what_was_evaluated_is_saved_as_it_goes(store, monkeypatch):
    monkeypatch.setattr(metric_cache, "SAVE_EVERY", 0.0)
    seen = []

    def looking(*arguments, **options):
        seen.append(cache(store).exists())
        return evaluate(*arguments, **options)

    monkeypatch.setattr(metric_cache, "evaluate", looking)
    results_table(store, resamples=10)
    assert seen == [False, True]


def test_a_copied_store_takes_its_metrics_along(store, evaluated, tmp_path):
    results_table(store, resamples=10)
    shutil.copytree(store.root, tmp_path / "copy")
    results_table(tmp_path / "copy", resamples=10)
    assert evaluated == [10, 10]


def test_the_definition_is_raised_with_the_numbers():
    """Whoever changes a number here raises `DEFINITION`, so that no cache shows the old ones."""
    assert DEFINITION == 3
    quality = np.linspace(0, 1, 21)
    scores = np.where(np.arange(21) % 3, quality, 0.8 - quality / 2)
    measures = evaluate(quality, scores).measures
    found = [number for m in measures.values() for number in (m.value, m.low, m.high)]
    assert found == pytest.approx(
        [
            *(0.5149549217, 0.0344431785, 0.9009647911),
            *(0.5627423567, 0.1176607213, 0.9046363608),
            *(0.0727083333, 0.0168333333, 0.1491369048),
            *(0.4423281406, 0.0, 0.8202290183),
            *(0.2696448281, 0.1297430157, 0.386182476),
        ],
        abs=1e-9,
    )
