"""A damaged file of a store changes no printed number: it is passed over with its name, or made anew."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iqabench.bench.core.integrity import Damaged
from iqabench.bench.store.metric_cache import MetricCache
from iqabench.bench.store.results import read_results
from iqabench.bench.store.sealed_parquet import read_sealed_table, verify, write_sealed_table
from iqabench.bench.store.store import Store

from ...fabricated import drawn_cell, noisy
from ...flips import flipped


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    drawn_cell(store)
    scores = noisy(0.2)
    ends = {"low": scores - 0.1, "high": scores + 0.1, "worst": scores - 0.05}
    drawn_cell(store, scores, more=ends, attack="auto", epsilon=1.0, flags=["It saw no gradient."])
    return store


def kept(store):
    return store.root / "cache" / "metrics.parquet"


def test_a_flipped_bit_of_a_cell_changes_no_number_and_is_named(store):
    names = [file.path.name for file in store.cells()]
    path = next(store.root.glob("cells/*/*/auto-*.parquet"))
    reasons = set()
    for bit in flipped(path):
        assert [cell.path.name for cell in store.cells()] == sorted({*names} - {path.name}), bit
        ((file, reason),) = store.unreadable
        assert file == path
        assert "`iqabench run` computes it again" in reason or "not a cell written by iqabench" in reason
        reasons.add(reason.split(";")[0])
    assert "damaged: its checksum does not fit its content" in reasons
    assert [file.path.name for file in store.cells()] == names


def test_a_damaged_cell_is_left_out_of_the_results_and_named(store):
    sound = read_results(store, resamples=0).frame
    for _ in flipped(store.root / sound["file"][1], flips=3):
        found = read_results(store, resamples=0)
        assert list(found.frame["key"]) == [sound["key"][0]]
        assert [file for file, _ in found.unreadable] == [sound["file"][1]]


def test_a_flipped_bit_of_the_kept_metrics_is_as_good_as_no_metrics(store):
    read_results(store, resamples=3)
    for bit in flipped(kept(store)):
        cache = MetricCache(kept(store))
        assert all(cache.get(cell.content, 3) is None for cell in store.cells()), bit
    assert all(MetricCache(kept(store)).get(cell.content, 3) for cell in store.cells())


@pytest.mark.parametrize("sealed", [True, False], ids=["with a checksum of its own", "as copied"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("srocc", 0.99), ("srocc", 5.0), ("n", -5), ("mse", 0.0), ("worst_srocc", 0.99)),
        *(("srocc_low", 0.5), ("mse_high", 0.5), ("worst_srocc_high", 0.9), ("paper_reflection_srocc", 0.9)),
    ],
)
def test_kept_metrics_that_are_not_those_of_the_scores_are_not_believed(store, column, value, sealed):
    sound = read_results(store, resamples=3).frame
    table = pq.read_table(kept(store))
    place = table.schema.get_field_index(column)
    poison = pa.array([value] * len(table), table.schema.field(place).type)
    poisoned = table.set_column(place, table.schema.field(place), poison)
    (write_sealed_table if sealed else pq.write_table)(poisoned, kept(store))
    pd.testing.assert_frame_equal(read_results(store, resamples=3).frame, sound, check_exact=True)


def test_the_checksum_is_of_the_whole_file_and_metadata_may_look_like_it(tmp_path):
    path = tmp_path / "a.parquet"
    lookalike = {b"note": b"iqabench.checksum\x18 " + b"0" * 32, b"iqabench.checksum": b"0" * 32}
    write_sealed_table(pa.table({"a": [1.0]}).replace_schema_metadata(lookalike), path)
    content = path.read_bytes()
    verify(content)
    for place in range(len(content)):
        with pytest.raises(Damaged):
            verify(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux lists them")
def test_a_sealed_table_is_read_without_a_thread_that_could_abort_the_process_at_its_end(tmp_path):
    path = tmp_path / "table.parquet"
    table = pa.table({"number": [1.5, 2.5], "text": ["one", "two"]})
    write_sealed_table(table, path)
    count = (
        "import os, sys; from pathlib import Path\n"
        "from iqabench.bench.store.sealed_parquet import read_sealed_table\n"
        "before = len(os.listdir('/proc/self/task')); read_sealed_table(Path(sys.argv[1]))\n"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    assert read_sealed_table(path).equals(table)
    assert subprocess.check_output([sys.executable, "-c", count, path], text=True) == "0\n"
