"""MATLAB files are read in a process of their own, and give what scipy gives."""

from contextlib import suppress

import numpy as np
import pytest
from scipy.io import savemat

from iqabench import UserError
from iqabench.bench.datasets.adapters import matlab
from iqabench.bench.datasets.adapters.matlab import read_vectors


@pytest.fixture
def file(tmp_path):
    """A file with numbers, whole numbers, names and a structure."""
    names = np.array(["a.bmp", "ä.bmp", "c"], dtype=object)
    values = {"mos": np.array([[1.5], [np.nan], [3]]), "orgs": np.array([0, 1, 0], np.uint8), "names": names}
    savemat(tmp_path / "labels.mat", {**values, "struct": {"a": 1}}, do_compression=True)
    return tmp_path / "labels.mat"


def test_vectors_come_flat_numbers_as_floats_and_cells_as_text(file):
    mos, orgs, names = read_vectors(file, "mos", "orgs", "names")
    np.testing.assert_array_equal(mos, [1.5, np.nan, 3])
    np.testing.assert_array_equal(orgs, [0.0, 1.0, 0.0])
    assert names.tolist() == ["a.bmp", "ä.bmp", "c"]


@pytest.mark.parametrize(
    ("variable", "told"),
    [("other", r"no variable 'other'; its variables are mos, orgs, names, struct"), ("struct", "neither")],
)
def test_a_variable_that_is_not_there_or_no_vector_is_named(file, variable, told):
    with pytest.raises(UserError, match=rf"labels\.mat: .*{told}"):
        read_vectors(file, variable)


BUSY = matlab.READER.read_text().replace("PROCESSOR_SECONDS = 5", "PROCESSOR_SECONDS = 0")
BUSY = BUSY.replace("contents = loadmat(", "while True: pass\n        contents = loadmat(")
READERS = {
    "a crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "it is damaged"),
    "one that sleeps": ("import time\ntime.sleep(99)\n", "it takes over"),
    "one that keeps the processor busy": (BUSY, "it takes too long"),
}


@pytest.mark.parametrize(("source", "told"), READERS.values(), ids=READERS)
def test_a_reader_that_crashes_or_never_ends_is_told_with_the_file(file, tmp_path, monkeypatch, source, told):
    assert BUSY.count("while True") == 1
    (tmp_path / "reader.py").write_text(source)
    monkeypatch.setattr(matlab, "READER", tmp_path / "reader.py")
    monkeypatch.setattr(matlab, "SECONDS", 0.5 if "sleep" in source else matlab.SECONDS)
    with pytest.raises(UserError, match=rf"labels\.mat: cannot be read as a MATLAB file: {told}"):
        read_vectors(file, "mos")


def test_what_is_no_matlab_file_is_named(tmp_path):
    (tmp_path / "labels.mat").write_bytes(b"not a MATLAB file" * 20)
    with pytest.raises(UserError, match=r"labels\.mat: cannot be read as a MATLAB file"):
        read_vectors(tmp_path / "labels.mat", "mos")


def test_flipped_bits_are_read_or_told_and_never_end_this_process(file):
    content = bytearray(file.read_bytes())
    draw = np.random.default_rng(0)
    for _ in range(6):
        flipped = bytearray(content)
        for place in draw.integers(len(content), size=20):
            flipped[place] ^= 1 << draw.integers(8)
        file.write_bytes(flipped)
        with suppress(UserError):
            assert len(read_vectors(file, "mos")) == 1
