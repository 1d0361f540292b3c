"""A sweep of a model that needs no training, planned."""

from collections.abc import Callable
from pathlib import Path

import pytest

from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.sweep.engines.prepared import Sweep
from iqabench.tests.bench.sweep.conftest import LINEAR_PLUGIN
from iqabench.tests.conftest import forget_plugins


@pytest.fixture
def planned(
    drawn_database: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Sweep]:
    """Plan a sweep of the linear model into a store of a name."""
    forget_plugins(monkeypatch)
    (tmp_path / "plugin.py").write_text(LINEAR_PLUGIN)
    registry.load_plugin(tmp_path / "plugin.py")

    def plan(store: str, **run: object) -> Sweep:
        chosen = {"datasets": [str(drawn_database)], "models": ["linear"], **run}
        shorter = {"square": {"queries": 40}, "apgd": {"steps": 4}}
        settings = load_settings(tiny_config, overrides={"run": chosen, "attacks": shorter})
        return Sweep.prepare(settings, tmp_path / store)

    return plan
