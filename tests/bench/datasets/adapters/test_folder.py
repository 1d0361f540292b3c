"""Pictures without labels: those in folders under a folder, linked ones included."""

import os

import pytest
from PIL import Image

from iqabench.bench.core.errors import UserError
from iqabench.bench.datasets.adapters.folder import Folder


def test_pictures_behind_links_to_folders_are_found_and_links_back_up_are_not_followed(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for path in (root / "a.png", root / ".hidden" / "b.png", elsewhere / "deep" / "c.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    (root / "linked").symlink_to("../elsewhere")
    (root / "d.png").symlink_to("../elsewhere/deep/c.png")
    (root / "again").symlink_to(".")
    (elsewhere / "deep" / "up").symlink_to("../../root")
    assert Folder(str(root)).read()["path"].tolist() == ["a.png", "d.png", "linked/deep/c.png"]


def test_a_name_that_is_not_in_utf8_is_told(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.png")).touch()
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    with pytest.raises(UserError, match=r"caf.*\.png: the name of this file is not in UTF-8; rename it"):
        Folder(str(tmp_path)).read()
