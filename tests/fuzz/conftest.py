"""A folder with a file of every kind, which the fuzz tests share."""

import os

import pytest

from .workspace import Workspace

EXAMPLES = int(os.environ.get("IQABENCH_FUZZ", "0"))


@pytest.fixture(scope="package")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder with a file of every kind."""
    return Workspace(tmp_path_factory.mktemp("fuzz"))
