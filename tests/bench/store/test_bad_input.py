"""Whatever is wrong with a store, each command names it and goes on, or says what to do."""

import html
import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqabench.bench.store.results import read_results
from iqabench.bench.store.results_text import render_results
from iqabench.bench.store.sealed_parquet import write_sealed_table
from iqabench.bench.store.store import Store
from iqabench.reports.paper.report import compose

from ...fabricated import drawn_cell

COMMANDS = ("report", "results", "results --format csv", "check", "check --claims")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    drawn_cell(store)
    return store


@pytest.fixture
def said(iqabench, tmp_path):
    """Run a command on a store: its exit status and all that it says, the page of a report included."""

    def run(command, root):
        options = ["--results", str(root)]
        if command == "report":
            options += ["--out", str(tmp_path / "out")]
        outcome = iqabench(*command.split(), *options)
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        page = tmp_path / "out" / "report.html"
        text = html.unescape(page.read_text(encoding="utf-8")) if page.exists() else ""
        return outcome.exit_code, outcome.output + text

    return run


def rewritten(path, change=lambda table: table, metadata=lambda provenance: provenance):
    """Write a cell's file anew with another table or other metadata."""
    table = pq.read_table(path)
    provenance = metadata(json.loads(table.schema.metadata[b"iqabench"]))
    table = change(table.replace_schema_metadata({}))
    write_sealed_table(table.replace_schema_metadata({b"iqabench": json.dumps(provenance)}), path)


def with_column(name, values):
    def change(table):
        return table.set_column(table.column_names.index(name), name, values(table))

    return lambda path: rewritten(path, change)


def with_field(part, name, *value):
    """Put another value in place of a field of the metadata; without one, remove the field."""

    def metadata(provenance):
        fields = provenance if part is None else provenance[part]
        del fields[name]
        fields |= dict.fromkeys([name] if value else [], *value)
        return provenance

    return lambda path: rewritten(path, metadata=metadata)


def without_scores(path):
    rewritten(path, lambda table: table.drop(["score"]))


def copied(path, change=lambda path: None, name="zz.parquet"):
    """Put a changed copy of a cell's file beside it."""
    other = Path(shutil.copy(path, path.with_name(name)))
    change(other)
    return other


def zeroed(path):
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(396) + content[400:])


def rescored(path):
    table = pq.read_table(path)
    pq.write_table(table.set_column(4, "score", pa.array(np.linspace(0, 1, len(table)))), path)


def without_checksum(path):
    table = pq.read_table(path)
    metadata = {b"iqabench": table.schema.metadata[b"iqabench"]}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def stranger(path):
    pq.write_table(pa.table({"image": ["a"]}), path)


def replaced_by_a_dead_link(path):
    path.unlink()
    path.symlink_to("nowhere")


LEFT_OUT = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-20]), "not a readable Parquet file"),
    "empty file": (lambda path: path.write_bytes(b""), "not a readable Parquet file"),
    "damaged pages": (zeroed, "damaged: its checksum does not fit its content"),
    "of an earlier version": (without_checksum, "it has no checksum; remove the file, and `iqabench run`"),
    "scores changed by hand": (rescored, "damaged: its checksum does not fit its content"),
    "another epsilon": (with_field("cell", "epsilon", 99.0), "is not that of its cell"),
    "dead link": (replaced_by_a_dead_link, "a link to a file that is not there"),
    "no cell": (stranger, "not a cell written by iqabench; move it out of the store"),
    "newer format": (with_field(None, "format", 99), "by a newer iqabench; this one knows 1: update it"),
    "format as text": (with_field(None, "format", "1"), "not a cell written by iqabench"),
    "metadata no object": (lambda path: rewritten(path, metadata=lambda _: [1]), "not a cell written by"),
    "no key": (with_field(None, "key"), "its metadata are damaged: key: missing"),
    "no cell fields": (with_field(None, "cell"), "its metadata are damaged: cell: missing"),
    "no attack": (with_field("cell", "attack"), "its metadata are damaged: cell.attack: missing"),
    "epsilon as text": (with_field("cell", "epsilon", "1"), "epsilon: found '1', accepted is a valid number"),
    "epsilon no number": (with_field("cell", "epsilon", float("nan")), "cell.epsilon"),
    "seed too large": (with_field("cell", "seed", 10**30), "cell.seed"),
    "parameters a list": (with_field("cell", "model_params", [1]), "cell.model_params: found [1]"),
    "created no date": (with_field("context", "created", "yesterday"), "context.created: found 'yesterday'"),
    "half a surrogate": (with_field("cell", "dataset", "\ud800"), "its metadata are damaged"),
    "no score": (without_scores, "lacks the column 'score'"),
    "scores as text": (with_column("score", lambda table: table["score"].cast("string")), "holds string"),
    "quality above 1": (
        with_column("quality", lambda table: pa.array(100 * table["quality"].to_numpy())),
        "its labels are outside [0, 1] in 119 of 120 images",
    ),
    "image without a name": (
        with_column("image", lambda table: pa.array([None, *table["image"].to_pylist()[1:]])),
        "its column 'image' is empty in 1 rows",
    ),
    "an image twice": (
        lambda path: rewritten(path, lambda table: pa.concat_tables([table, table.slice(5, 1)])),
        "image 'scene1/5.png' is in it more than once",
    ),
    "no rows": (lambda path: rewritten(path, lambda table: table.slice(0, 0)), "holds no image"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_files_that_cannot_be_used_are_named_with_the_reason_and_left_out(store, said, command):
    places = {}
    for epsilon, (name, (damage, _)) in enumerate(LEFT_OUT.items(), start=1):
        path = drawn_cell(store, attack="fgsm", epsilon=float(epsilon))
        damage(path)
        places[name] = path.relative_to(store.root).as_posix()
    exit_status, text = said(command, store.root)
    lines = [line for line in text.splitlines() if any(place in line for place in places.values())]
    missing = [
        name
        for name, (_, reason) in LEFT_OUT.items()
        if not any(places[name] in line and reason in line for line in lines)
    ]
    assert not missing, lines
    assert exit_status in ([0] if command.startswith("re") else [0, 1, 2])
    found = read_results(store, resamples=0)
    assert list(found.frame["attack"]) == ["none"]
    assert sorted(file for file, _ in found.unreadable) == sorted(places.values())


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("column", ["score", "quality"])
def test_a_number_that_is_not_there_leaves_the_metrics_undefined_and_says_so(store, said, command, column):
    path = drawn_cell(store, attack="fgsm", epsilon=1.0)
    with_column(column, lambda table: pa.array([None, *table[column].to_pylist()[1:]]))(path)
    _, text = said(command, store.root)
    noun = "scores" if column == "score" else "labels"
    assert f"NaN {noun} in 1 of 120 images" in text


def test_columns_that_are_not_needed_are_no_fault(store):
    path = drawn_cell(store, attack="fgsm", epsilon=1.0)
    rewritten(
        path, lambda table: table.append_column("more", pa.array([1] * 120)).drop(["scene", "distortion"])
    )
    found = read_results(store, resamples=0)
    assert len(found.frame) == 2
    assert not found.left_out


@pytest.mark.parametrize(
    "command",
    [*COMMANDS, "check --pin OUT", "leaderboard --out OUT", "entry create --model resnet --out OUT.toml"],
)
@pytest.mark.parametrize("damaged", [False, True], ids=["two copies", "a damaged one before them"])
def test_files_of_one_cell_that_differ_are_refused_and_both_are_named(
    store, said, tmp_path, command, damaged
):
    path = drawn_cell(store)
    copied(path, with_column("score", lambda table: pa.array(np.linspace(0, 1, 120))))
    if damaged:
        copied(path, without_scores, "a.parquet")
    exit_status, text = said(command.replace("OUT", str(tmp_path / "out")), store.root)
    assert exit_status == 2
    assert path.name in text
    assert "zz.parquet" in text
    assert "hold different scores: remove the wrong one" in text


@pytest.mark.parametrize("command", ["report", "results", "check"])
@pytest.mark.parametrize("bytes_differ", [False, True])
def test_two_files_of_one_cell_that_agree_count_once_with_a_note(store, said, command, bytes_differ):
    path = drawn_cell(store)
    other = copied(path)
    if bytes_differ:
        with_field("context", "device", "cuda")(other)
        copied(path, without_scores, "damaged.parquet")  # which contradicts nothing
    _, text = said(command, store.root)
    assert "1 file holds a cell that another file holds too, with the same scores" in text
    assert "zz.parquet" in text
    found = read_results(store, resamples=0)
    assert len(found.frame) == 1
    assert len(found.unreadable) == bytes_differ


@pytest.mark.parametrize("command", ["report", "results", "check"])
def test_cells_that_claim_the_same_images_and_hold_other_labels_are_named(store, said, command):
    path = drawn_cell(store, attack="fgsm", epsilon=1.0)
    with_column("quality", lambda table: pa.array(np.linspace(0, 1, 120)))(path)
    _, text = said(command, store.root)
    assert "2 files on live claim the same test images and hold different images or labels" in text
    assert path.relative_to(store.root).as_posix() in text


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["missing", "empty", "file", "only damaged"])
def test_a_store_without_cells_is_refused_with_what_to_do(said, tmp_path, command, kind):
    root = tmp_path / "here"
    if kind in ("empty", "only damaged"):
        (root / "cells").mkdir(parents=True)
    if kind == "only damaged":
        (root / "cells" / "x.parquet").write_bytes(b"PAR1")
    if kind == "file":
        root.write_text("")
    exit_status, text = said(command, root)
    assert exit_status == 2
    assert text.startswith(f"Error: {root}: ")
    assert "`--results DIR` names" in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_whatever_the_metadata_are_a_cell_is_shown_or_named(tmp_path_factory, data):
    store = Store(tmp_path_factory.mktemp("fuzzed"))
    drawn_cell(store)
    path = drawn_cell(store, model="cprl", model_params={"b": 0.4, "reading": "literal"})

    def metadata(provenance):
        part = data.draw(st.sampled_from([None, "cell", "context"]))
        fields = provenance if part is None else provenance[part]
        if part == "cell" and data.draw(st.booleans()):
            fields = fields["model_params"]
        fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(JSON)
        return provenance

    rewritten(path, metadata=metadata)
    found = read_results(store, resamples=0)
    assert len(found.frame) + len(found.unreadable) == 2
    compose(found)
    for form in ("table", "csv", "json"):
        assert render_results(found, form).encode()


def test_a_million_equal_rows_are_refused_before_they_are_decoded(store, tmp_path):
    path = drawn_cell(store, attack="fgsm", epsilon=1.0)
    rewritten(path, lambda table: table.take(pa.array(np.zeros(1_000_000, np.int64))))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    found = read_results(store, resamples=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 28
    ((_, reason),) = found.unreadable
    assert reason.startswith("holds 1,000,000 rows")
