"""What many tests of reports need: stores and results of drawn numbers, with explanations beside them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from iqabench.bench.store.explanation import write_explanation
from iqabench.bench.store.results import Results, read_results
from iqabench.bench.store.store import Store

from ..fabricated import ablated_results, drawn_sweep
from ..fabricated import results as fabricated_results
from .explained import drawn_explanation


@pytest.fixture(scope="session")
def swept_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Drawn numbers for seven models, two attacks and four epsilons on `synthetic` and `live`."""
    return drawn_sweep(Store(tmp_path_factory.mktemp("swept")), datasets=("synthetic", "live"))


@pytest.fixture(scope="session")
def swept_results(swept_store: Store) -> Results:
    return read_results(swept_store, resamples=200)


@pytest.fixture
def swept_table(swept_results: Results) -> pd.DataFrame:
    return swept_results.frame


@pytest.fixture
def results() -> Callable[..., Results]:
    """Makes results of rows whose numbers the test states; the rest is made up."""
    return fabricated_results


@pytest.fixture
def ablated() -> Results:
    return ablated_results()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture(scope="session")
def explained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `iqabench explain` writes, of drawn numbers; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("explained")
    write_explanation(drawn_explanation(), folder)
    return folder


@pytest.fixture
def explained_store(swept_store: Store, explained_folder: Path, tmp_path: Path) -> Store:
    """`swept_store` with an explanation of CPRL beside ResNet on `synthetic`."""
    root = tmp_path / "explained"
    shutil.copytree(swept_store.root, root)
    shutil.copytree(explained_folder, root / "explain" / "synthetic" / "cprl")
    return Store(root)
