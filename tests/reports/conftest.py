"""What many tests of reports need: stores and results of drawn numbers, with explanations beside them."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from iqabench.bench.store.explanation import write_explanation
from iqabench.bench.store.results import Results, read_results
from iqabench.bench.store.store import Store
from iqabench.reports import write_report
from iqabench.reports.explain.explanation import write_figures

from ..fabricated import ablated_results, drawn_sweep
from ..fabricated import results as fabricated_results
from .explained import drawn_explanation


@pytest.fixture(scope="session")
def swept_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Drawn numbers for seven models, two attacks and four epsilons on `synthetic` and `live`."""
    return drawn_sweep(Store(tmp_path_factory.mktemp("swept")), datasets=("synthetic", "live"))


@pytest.fixture(scope="session")
def swept_results(swept_store: Store) -> Results:
    """Results of `swept_store`, whose metrics are kept there from now on."""
    return read_results(swept_store)


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


@pytest.fixture(scope="session")
def explained_store(
    swept_store: Store,
    swept_results: Results,
    explained_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Store:
    """`swept_store` with an explanation of CPRL beside ResNet on `synthetic`; to be copied, not changed."""
    root = tmp_path_factory.mktemp("explained") / "store"
    shutil.copytree(swept_store.root, root)
    shutil.copytree(explained_folder, root / "explain" / "synthetic" / "cprl")
    return Store(root)


@pytest.fixture(scope="session")
def explained_report(
    explained_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return the report on `explained_store` in a format, written once; to be copied, not changed."""
    return cache(lambda form: write_report(explained_store, form, tmp_path_factory.mktemp(form)))


@pytest.fixture(scope="session")
def explanation_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the figures of `drawn_explanation`, and of the numbers behind them."""
    folder = tmp_path_factory.mktemp("figures")
    write_figures(drawn_explanation(), folder)
    return folder
