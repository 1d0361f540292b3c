"""Own datasets pass the rehearsal; each fault that an adapter can have is found by it, with its line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iqabench import DatasetAdapter, UserError
from iqabench.bench.datasets.adapters.csv_table import CsvTable
from iqabench.bench.datasets.adapters.folder import Folder
from iqabench.bench.datasets.adapters.koniq import Koniq
from iqabench.bench.datasets.adapters.live import Live
from iqabench.bench.datasets.adapters.livec import LiveChallenge
from iqabench.bench.datasets.adapters.vcl import Vcl
from iqabench.testing import check_dataset


@pytest.mark.parametrize(
    ("adapter", "tree"), [(Live, "live"), (LiveChallenge, "livec"), (Koniq, "koniq"), (Vcl, "vcl")]
)
def test_own_databases_pass(trees, adapter, tree):
    root = getattr(trees, tree)()
    check_dataset(lambda: adapter(str(root)))


def test_a_csv_file_a_folder_without_labels_and_a_sound_adapter_pass(drawn_database, folder):
    check_dataset(lambda: Folder(str(folder)))
    check_dataset(lambda: CsvTable(str(drawn_database)))
    check_dataset(lambda: Sound(str(folder)))


class Sound(DatasetAdapter):
    """Passes; the others differ from it by one fault each."""

    def __init__(self, root: str) -> None:
        super().__init__(root, 0, 10)

    def read(self) -> pd.DataFrame:
        rows = [(f"{i}.png", float(i), f"scene{i // 2}", "noise") for i in range(6)]
        return pd.DataFrame(rows, columns=["path", "score", "scene", "distortion"])


def reading(name, read):
    """Return an adapter whose table is a function of the sound one."""
    return type(name, (Sound,), {"read": lambda self: read(Sound.read(self))})


def changed(**columns):
    """Return an adapter of which some columns are others."""
    return reading("Changed", lambda table: table.assign(**columns))


class Random(Sound):
    drawn = np.random.default_rng(0)

    def read(self) -> pd.DataFrame:
        return super().read().assign(score=self.drawn.random(6))


class Open(Sound):
    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.high = float("inf")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in range(6):
        Image.new("RGB", (20, 20), (place, 0, 0)).save(tmp_path / f"{place}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (reading("Less", lambda t: t.drop(columns="scene")), "Less: read\\(\\) returns no column 'scene'"),
        (reading("Rows", lambda t: [1, 2]), "Rows: read\\(\\) returns a list, not a pandas.DataFrame"),
        (reading("Fails", lambda t: {}["a"]), r"Fails: read\(\) fails: KeyError: 'a' \(.*t\.py, line \d+: "),
        (Random, "Random: read\\(\\) returns another table the second time"),
        (Open, "Open: the scale from 0 to inf cannot be used"),
        (changed(score="1"), "the column 'score' of read\\(\\) holds \\w+, not numbers"),
        (changed(score=11.0), "0.png has 11"),
        (changed(score=float("nan")), "no score|without a score"),
        (changed(scene=3), "the column 'scene' of read\\(\\) holds 3, which is not a text"),
        (changed(path=lambda table: "/" + table["path"]), "the path '/0.png' is not relative"),
        (changed(path=lambda table: "x" + table["path"]), "x0.png"),
        (changed(path="0.png"), "listed more than once: 0.png"),
        (changed(split="valid"), "image 0.png is neither 'train' nor 'test' but 'valid'"),
        (changed(split=["train", "test"] * 3), "scene 'scene0' is in both training"),
        (changed(scene="one"), "at least 2 are needed"),
        (lambda root: 3, "a int is not an iqabench.DatasetAdapter"),
    ],
)
def test_each_fault_is_found_and_named(folder, faulty, message):
    with pytest.raises(UserError, match=message):
        check_dataset(lambda: faulty(str(folder)))


def test_an_image_that_cannot_be_decoded_is_named(folder):
    (folder / "5.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"5\.png: cannot be decoded: not an image"):
        check_dataset(lambda: Sound(str(folder)))
