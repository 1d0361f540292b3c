"""A working folder follows its bucket: what is put, fetched and removed, and what a kill costs."""

from pathlib import Path
from typing import Any

import pytest

from iqabench.bench.core.errors import UserError
from iqabench.bench.core.files import bring, write_text
from iqabench.bench.store.remote import mirror
from iqabench.bench.store.remote.mirror import is_kept
from iqabench.bench.store.remote.opening import open_store
from iqabench.bench.store.results import read_results
from iqabench.bench.store.store import Store
from iqabench.tests.fabricated import drawn_cell
from iqabench.tests.flips import FLIPS, flipped

from .conftest import ADDRESS

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")


def test_an_upload_that_was_not_noted_is_noted_by_the_next_command(cloud, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(mirror.Record, "add", interrupted)
        with pytest.raises(KeyboardInterrupt), open_store(ADDRESS) as folder:
            drawn_cell(Store(folder))
    assert len(cloud.names()) == 1
    done = failing(monkeypatch, OSError(), 0)
    with open_store(ADDRESS) as folder:
        assert len(list(Store(folder).cells())) == 1
    assert not done


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_files_written_without_the_watch_are_put_at_the_end(cloud):
    with open_store(ADDRESS) as folder:
        path = drawn_cell(Store(folder))
        content = path.read_bytes()
        drawn_cell(Store(folder), seed=1)
        other = path.with_name("other-process.parquet")
        other.write_bytes(content)
    assert f"cells/live/resnet/{other.name}" in cloud.names()


def test_two_machines_may_compute_one_cell(cloud, machine):
    with open_store(ADDRESS) as first:
        machine("second")
        with open_store(ADDRESS) as second:
            for folder in (first, second):
                drawn_cell(Store(folder), seed=1)
                drawn_cell(Store(folder), model="cprl", seed=2 if folder == first else 3)
    assert len(cloud.names()) == 3
    machine("first")
    with open_store(ADDRESS, needs="numbers") as folder:
        assert read_results(folder, resamples=0).frame["seed"].tolist() == [2, 3, 1]


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, times: int, part: str = "") -> list[str]:
    """Let the first uploads of files with a part in their name fail; return what is uploaded after all."""
    put, left, done = s3fs.S3FileSystem.put_file, [error] * times, []

    def unreliable(self: Any, local: str, there: str) -> None:
        if part in there and left:
            raise left.pop()
        put(self, local, there)
        done.append(there)

    monkeypatch.setattr(s3fs.S3FileSystem, "put_file", unreliable)
    return done


def test_an_upload_is_tried_again(cloud, monkeypatch):
    done = failing(monkeypatch, OSError("reset by peer"), 2)
    with open_store(ADDRESS) as folder:
        drawn_cell(Store(folder))
    assert len(done) == len(cloud.names()) == 1


def test_reading_needs_no_permission_to_write(cloud, machine, monkeypatch):
    with open_store(ADDRESS) as folder:
        drawn_cell(Store(folder))
    machine("second")
    failing(monkeypatch, PermissionError("Access Denied"), 100)
    with open_store(ADDRESS, needs="numbers") as folder:
        assert len(read_results(folder).frame) == 1
        assert (folder / "cache" / "metrics.parquet").is_file()


def test_weights_are_fetched_when_they_are_asked_for(cloud, machine):
    def weights(folder: Path) -> set[str]:
        return {path.name for path in folder.rglob("*.safetensors")}

    def save(folder: Path, name: str, text: str) -> None:
        for suffix in (".safetensors", ".json"):
            write_text(folder / "checkpoints" / "live" / f"{name}{suffix}", text)

    with open_store(ADDRESS) as folder:
        save(folder, "a", "weights of a")
        save(folder, "b", "weights of b")
    machine("second")
    with open_store(ADDRESS) as folder:
        assert {path.name for path in folder.rglob("*.json")} == {"a.json", "b.json"}
        assert not weights(folder)
        bring(folder / "checkpoints" / "live" / "a.safetensors")
        bring(folder / "checkpoints" / "live" / "c.safetensors")
        assert weights(folder) == {"a.safetensors"}
    machine("first")
    with open_store(ADDRESS) as folder:
        save(folder, "a", "others of a")
    machine("second")
    with open_store(ADDRESS) as folder:
        path = folder / "checkpoints" / "live" / "a.safetensors"
        assert not path.exists()
        bring(path)
        assert path.read_text() == "others of a"


def test_what_a_killed_fetch_left_is_removed(cloud, machine):
    with open_store(ADDRESS) as folder:
        drawn_cell(Store(folder))
    machine("second")
    with open_store(ADDRESS, needs="nothing") as folder:
        assert not list(Store(folder).cells())
    (folder / ".fetched").mkdir()
    (folder / ".fetched" / "0").write_bytes(b"half")
    with open_store(ADDRESS) as folder:
        assert len(list(Store(folder).cells())) == 1
        assert not (folder / ".fetched").exists()


@pytest.mark.parametrize(
    "name",
    [
        "cells/../../escape.parquet",
        "cells/live/.half.parquet",
        "cells.parquet",
        "partial/x/fgsm.partial",
        "locks/a.lock",
        "checkpoints/live/resnet.training",
        "cache/live.pixels",
        "run.log",
    ],
)
def test_what_is_not_kept_in_a_bucket(name):
    assert not is_kept(name)


def test_a_folder_in_the_place_of_a_file_is_named(local):
    with open_store(local) as folder:
        path = drawn_cell(Store(folder))
    path.unlink()
    path.mkdir()
    told = rf"{path.name}: a folder, where a file of {local} belongs"
    with pytest.raises(UserError, match=told), open_store(local):
        pass


def test_a_damaged_record_costs_downloads_and_nothing_else(local, tmp_path):
    with open_store(local) as folder:
        for attack in ("none", "fgsm"):
            drawn_cell(Store(folder), attack=attack, epsilon=float(attack == "fgsm"))
    kept = sorted(path.read_bytes() for path in Path(tmp_path, "lab").rglob("*.parquet"))
    for bit in flipped(folder / ".copies.sqlite", flips=FLIPS // 4):
        with open_store(local) as again:
            assert sorted(cell.path.read_bytes() for cell in Store(again).cells()) == kept, bit
    (folder / ".copies.sqlite").write_bytes(b"not a database" * 100)
    with open_store(local) as again:
        assert sorted(cell.path.read_bytes() for cell in Store(again).cells()) == kept
    assert sorted(path.read_bytes() for path in Path(tmp_path, "lab").rglob("*.parquet")) == kept
