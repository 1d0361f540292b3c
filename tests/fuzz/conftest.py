"""A folder with a file of every kind, which the fuzz tests share."""

import os
from collections.abc import Iterator

import pytest

from .workspace import Workspace

EXAMPLES = int(os.environ.get("IQABENCH_FUZZ", "0"))


@pytest.fixture(scope="package")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A folder with a file of every kind, where an explanation's figures are drawn in one format."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqabench.reports.explain.explanation._FORMATS", ("svg",))
        own = tmp_path_factory.getbasetemp()
        shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
        yield Workspace(own / "fuzz", shared / "honest")
