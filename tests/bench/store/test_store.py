import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iqabench.bench.store.cell import OFTEN_ABSENT, Cell, digest, key_of
from iqabench.bench.store.cell_file import read_scores
from iqabench.bench.store.store import Store

from ...fabricated import cell_of

CELL = cell_of(attack="fgsm", epsilon=1.0)
SCORES = pd.DataFrame(
    {
        "image": ["a.png", "b.png"],
        "scene": ["s", "t"],
        "distortion": ["blur", "blur"],
        "quality": [0.25, 0.75],
        "score": [0.5, float("nan")],
    }
)


def test_what_is_written_is_read_back_with_its_provenance(tmp_path):
    store = Store(tmp_path)
    assert not store.has(CELL)
    store.write(CELL, SCORES, {"device": "cpu"})
    assert store.has(CELL)
    (stored,) = store.cells()
    pd.testing.assert_frame_equal(pd.read_parquet(stored.path), SCORES)
    assert stored.provenance["key"] == CELL.key
    assert stored.provenance["cell"] == json.loads(json.dumps(dataclasses.asdict(CELL)))
    assert stored.provenance["context"] == {"device": "cpu"}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Cell)])
def test_the_key_depends_on_every_field_but_the_variants_name(field):
    other = {"changed": 1} if isinstance(getattr(CELL, field), dict) else "changed"
    assert (dataclasses.replace(CELL, **{field: other}).key == CELL.key) is (field == "variant")


def test_a_field_that_a_cell_has_not_has_no_part_in_its_key():
    absent = {name for name, value in dataclasses.asdict(CELL).items() if name in OFTEN_ABSENT}
    fields = {name: value for name, value in dataclasses.asdict(CELL).items() if name not in absent}
    assert key_of(fields) == digest({n: v for n, v in fields.items() if n != "variant"}) == CELL.key


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})


def test_hostile_names_stay_inside_the_store(tmp_path):
    hostile = dataclasses.replace(CELL, dataset="../../up", model="a/b", attack="../x")
    path = Store(tmp_path).write(hostile, SCORES, {})
    assert path.resolve().is_relative_to((tmp_path / "cells").resolve())
    assert Store(tmp_path).has(hostile)


def test_a_truncated_cell_counts_as_missing_and_is_named(tmp_path):
    store = Store(tmp_path)
    path = store.write(CELL, SCORES, {})
    path.write_bytes(path.read_bytes()[:-20])
    assert not store.has(CELL)
    assert list(store.cells()) == []
    ((unreadable, reason),) = store.unreadable
    assert unreadable == path
    assert "not a readable Parquet file" in reason


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.write(CELL, SCORES, {})
    closed = store.write(dataclasses.replace(CELL, model="closed"), SCORES, {}).parent
    scandir = os.scandir

    def guarded(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert [stored.provenance["cell"]["model"] for stored in store.cells()] == ["resnet"]
    assert store.unreadable == [(closed, "cannot be opened: Permission denied")]


INTERVALS = {
    "low": [0.4, float("nan")],
    "high": [0.7, float("nan")],
    "score_se": [0.01, float("nan")],
    "low_by": ["apgd", None],
    "high_by": ["square", None],
}


def test_the_ends_of_intervals_and_the_diagnostics_of_an_attack_are_kept(tmp_path):
    store = Store(tmp_path)
    diagnostics = {"passes": 40, "largest_distance": 1 / 255, "draws": None}
    store.write(CELL, SCORES.assign(**INTERVALS), {}, diagnostics)
    (stored,) = store.cells()
    assert stored.provenance["diagnostics"] == diagnostics
    scores = read_scores(stored)
    assert list(scores.further) == [*INTERVALS]
    np.testing.assert_equal(scores.ends, ([0.4, np.nan], [0.7, np.nan]))
    assert list(scores.further["low_by"]) == ["apgd", None]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"low": [0.8, 0.1]}, "its 'low' is above its 'high' in 1 images"),
        ({"high": [np.inf, 0.1]}, "its column 'high' is not finite in some images"),
        ({"score_se": [np.nan, 0.1]}, "its column 'score_se' is not finite in some images"),
        ({"high": None}, "has one of the columns 'low' and 'high' without the other"),
        ({"low_by": [1.0, 2.0]}, "its column 'low_by' holds double, not text"),
        ({"low": ["a", "b"]}, "its column 'low' holds large_string, not numbers"),
    ],
)
def test_intervals_that_make_no_sense_are_refused(tmp_path, changed, reason):
    store = Store(tmp_path)
    columns = {name: values for name, values in {**INTERVALS, **changed}.items() if values is not None}
    store.write(CELL, SCORES.assign(**columns), {})
    (stored,) = store.cells()
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}; remove the file"):
        read_scores(stored)
