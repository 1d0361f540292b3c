"""What many tests of reports need: stores and results of drawn numbers, with explanations beside them."""

import shutil
from collections.abc import Callable
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

MAIN = {"html": "report.html", "latex": "report.tex", "markdown": "report.md", "csv": "tables.csv"}
"""The file of a report to open, by format."""


@pytest.fixture(scope="session")
def swept_store(made_once: Callable[..., Path]) -> Store:
    """Drawn numbers for seven models, two attacks and four epsilons on `synthetic` and `live`."""

    def fill(folder: Path) -> None:
        read_results(drawn_sweep(Store(folder), datasets=("synthetic", "live")))

    return Store(made_once("swept", fill))


@pytest.fixture(scope="session")
def swept_results(swept_store: Store) -> Results:
    """Results of `swept_store`, whose metrics are kept there."""
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
def explained_folder(made_once: Callable[..., Path]) -> Path:
    """What `iqabench explain` writes, of drawn numbers; to be copied, not changed."""
    return made_once("explanation", lambda folder: write_explanation(drawn_explanation(), folder))


@pytest.fixture(scope="session")
def explained_store(swept_store: Store, explained_folder: Path, made_once: Callable[..., Path]) -> Store:
    """`swept_store` with an explanation of CPRL beside ResNet on `synthetic`; to be copied, not changed."""

    def fill(folder: Path) -> None:
        shutil.copytree(swept_store.root, folder, dirs_exist_ok=True)
        shutil.copytree(explained_folder, folder / "explain" / "synthetic" / "cprl")

    return Store(made_once("explained", fill))


@pytest.fixture(scope="session")
def explained_report(explained_store: Store, made_once: Callable[..., Path]) -> Callable[[str], Path]:
    """Return the report on `explained_store` in a format, written once; to be copied, not changed."""

    def path(form: str) -> Path:
        folder = made_once(form, lambda out: write_report(explained_store, form, out))
        return folder / MAIN[form]

    return path


@pytest.fixture(scope="session")
def explanation_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the numbers behind the figures of `drawn_explanation`."""
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqabench.reports.explain.explanation._FORMATS", ())
        write_figures(drawn_explanation(), folder)
    return folder
