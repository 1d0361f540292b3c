"""An entry made from a store of drawn numbers, and a cache of its own for every test."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from iqabench.bench.store.store import Store
from iqabench.reports.leaderboard import compose
from iqabench.reports.leaderboard.submission.create import create_entry

from ...fabricated import drawn_sweep


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "user_cache_path", lambda name: tmp_path / "user-cache" / name)


@pytest.fixture(scope="session")
def swept_and_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, `results`, and the entry of CPRL made from it, `mine.toml`."""
    folder = tmp_path_factory.mktemp("entry")
    models = ("cprl", "resnet")
    swept = drawn_sweep(Store(folder / "results"), datasets=("live",), models=models, epsilons=(1.0, 2.0))
    create_entry(swept, "cprl", folder / "mine.toml")
    return folder


@pytest.fixture
def swept(swept_and_made: Path, store: Store) -> Store:
    """CPRL and ResNet on `live`: clean, and under two attacks at two strengths."""
    shutil.copytree(swept_and_made / "results", store.root)
    return store


@pytest.fixture
def made(swept_and_made: Path, tmp_path: Path) -> Path:
    """The entry of CPRL, made from that store: five measured rows, the first of them clean."""
    shutil.copytree(swept_and_made / "mine.scores", tmp_path / "mine.scores")
    return Path(shutil.copy(swept_and_made / "mine.toml", tmp_path))


@pytest.fixture
def rewritten() -> Callable[..., None]:
    """Changes the values of a TOML file by a function."""

    def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
        values = tomllib.loads(path.read_text())
        change(values)
        path.write_text(tomli_w.dumps(values))

    return rewrite
