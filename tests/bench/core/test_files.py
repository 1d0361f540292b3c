"""Files are written whole, with the umask's mode, and read without hanging."""

import errno
import os
from pathlib import Path

import pytest

from iqabench.bench.core import files
from iqabench.bench.core.files import bring, lock_on, regular, replacing, safe_name, watching, write_text


@pytest.fixture
def umask():
    """Set the umask for a test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_the_mode_of_files_and_locks_follows_the_umask_whatever_writes_them(tmp_path, umask, mask, mode):
    umask(mask)
    with replacing(tmp_path / "weights") as temporary:
        os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))  # as safetensors does
    with lock_on(tmp_path / "a.lock"):
        pass
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}


def test_a_full_disk_names_the_file_that_could_not_be_written_and_leaves_the_old_one(tmp_path):
    write_text(tmp_path / "card.json", "old")

    def full():
        with replacing(tmp_path / "card.json") as temporary:
            temporary.write_text("new, but only half of i")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"No space left on device: '.*card\.json'"):
        full()
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
    assert (tmp_path / "card.json").read_text() == "old"


class Notes:
    """A keeper that notes what it is told, with what is in the file then."""

    def __init__(self):
        self.told = []

    def finished(self, path):
        self.told.append(("finished", path.name, path.read_text()))

    def bring(self, path):
        self.told.append(("bring", path.name))


def test_a_keeper_is_told_of_the_complete_files_of_its_folder_while_it_watches(tmp_path, monkeypatch):
    outer, inner = Notes(), Notes()
    monkeypatch.chdir(tmp_path)
    with watching(tmp_path / "a", outer):
        with watching(tmp_path / "a" / "b", inner):
            write_text(Path("a", "b", "c"), "text")  # a relative path
        write_text(tmp_path / "a" / "b" / "d", "more")
        write_text(tmp_path / "ab", "another folder")
        with pytest.raises(RuntimeError), replacing(tmp_path / "a" / "e"):
            raise RuntimeError
        bring(tmp_path / "a" / "b" / "c")
        bring(tmp_path / "a" / "f")
    write_text(tmp_path / "a" / "late", "text")
    assert outer.told == [("finished", "c", "text"), ("finished", "d", "more"), ("bring", "f")]
    assert inner.told == [("finished", "c", "text")]


def test_an_error_about_the_temporary_file_names_the_file_itself(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file"):
        write_text(tmp_path / "file" / "cells" / "a.parquet", "")


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    for name in (".a.npz.0123.part", ".b.npz.0123.part", "a.npz"):
        (tmp_path / name).write_text("")
    files.remove_leftovers(tmp_path / "a.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.npz.0123.part", "a.npz"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Path.mkdir, "a folder, not a file"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    ],
)
def test_what_may_never_end_is_not_read(tmp_path, make, told):
    make(tmp_path / "labels.csv")
    with pytest.raises(OSError, match=told):
        regular(tmp_path / "labels.csv")


def test_a_device_or_a_pipe_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (pipe, Path("/dev/no_such_device"), Path("/dev/null")):
        with pytest.raises(OSError, match="not a") as caught, replacing(place) as temporary:
            temporary.write_text("new")
        assert caught.value.filename == str(place)
    assert pipe.is_fifo()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["..", ".", "", "../../etc/passwd", "a\x1b[31m", "a/b", "...."])
def test_no_name_leads_out_of_its_folder(tmp_path, name):
    inside = tmp_path / "cells" / safe_name(name) / "x"
    assert inside.resolve() == inside
    assert inside.is_relative_to(tmp_path / "cells")
    assert safe_name(name).isprintable()
