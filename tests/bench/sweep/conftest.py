"""A linear model, others made of it, sweeps on the drawn database, and the scores that they store."""

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from iqabench.bench.core.config import load_settings
from iqabench.bench.store.cell_file import StoredCell
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.planning.jobs import plan_jobs
from iqabench.tests.conftest import TINY_PLUGIN, run_in

LINEAR_PLUGIN = """
import torch
from torch import nn
import iqabench


class Linear(nn.Module):
    '''Score 0.5 + <w, x - 0.5>: its interval is known in closed form.'''

    recipe = "none"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 3 * 24 * 24).view(3, 24, 24) / 864)

    def forward(self, images):
        return 0.5 + ((images - 0.5) * self.weight).sum((1, 2, 3))


iqabench.register_model("linear")(Linear)


@iqabench.register_model("jumpy")
class Jumpy(Linear):
    '''Skips most scores.'''

    def forward(self, images):
        scores = super().forward(images)
        return scores.detach().mul(400).floor().div(400) + (scores - scores.detach())


@iqabench.register_model("cheating")
class Cheating(Linear):
    '''Shows the opposite of its scores while a gradient is asked for, and while it is searched.'''

    def forward(self, images):
        scores = super().forward(images)
        return 1 - scores if images.requires_grad else scores


@iqabench.register_model("wavering")
class Wavering(Linear):
    '''Scores a little higher while a gradient is asked for, as in another precision.'''

    def forward(self, images):
        return super().forward(images) + (0.004 if images.requires_grad else 0)


@iqabench.register_model("hiding")
class Hiding(Linear):
    '''Shows a gradient of zero.'''

    def forward(self, images):
        return super().forward(images).detach() + 0 * images.sum((1, 2, 3))


@iqabench.register_model("noisy")
class Noisy(Linear):
    stochastic = True

    def forward(self, images):
        scores = super().forward(images)
        return scores + 0.01 * torch.randn_like(scores)


@iqabench.register_attack("blind")
class Blind(iqabench.Attack):
    def run(self, victim, epsilons):
        for epsilon in epsilons:
            victim.record.checked(victim.scores(victim.images), 0 * victim.images)
            yield victim.images


class Fixed(nn.Module):
    '''Gives every image the score of its one weight.'''

    recipe = "none"

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(self.start))

    def forward(self, images):
        return images.mean((1, 2, 3)) * 0 + self.value


for name, start in (("nan", float("nan")), ("constant", 0.5)):
    iqabench.register_model(name)(type(name, (Fixed,), {"start": start}))


@iqabench.register_model("percent")
class Percent(Linear):
    def forward(self, images):
        return 100 * super().forward(images)


@iqabench.register_model("worse")
class Worse(Fixed):
    '''Rises with the noise of an image, to far above 1.'''

    start = 400.0

    def forward(self, images):
        rows = images.mean(1)
        return self.value * (rows[:, 1:] - rows[:, :-1]).square().mean((1, 2))


@iqabench.register_model("dark")
class Dark(Fixed):
    '''Scores darkness, so that a brighter image scores lower.'''

    start = 1.0

    def forward(self, images):
        return 1 - self.value * images.mean((1, 2, 3))


@iqabench.register_model("column")
class Column(Linear):
    def forward(self, images):
        return super().forward(images).unsqueeze(1)


@iqabench.register_model("grey")
class Grey(Linear):
    def forward(self, images):
        return nn.functional.conv2d(images, self.weight[None, :1]).mean((1, 2, 3))


@iqabench.register_model("misled")
class Misled(Linear):
    recipe = "nonsense"


@iqabench.register_model("broken")
class Broken(Linear):
    def __init__(self) -> None:
        raise RuntimeError("no luck")
"""

AS_LONG_AS_LINEAR_NEEDS = """
[attacks.apgd]
steps = 10

[attacks.square]
queries = 200
"""


@pytest.fixture
def sweep(
    iqabench: Callable[..., Result],
    drawn_database: Path,
    tiny_config: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Callable[..., tuple[Result, dict[tuple[str, float], StoredCell]]]:
    """Run a command with the plugin; return the console, and the cells by attack and epsilon.

    What the module of the test has as `PLUGIN` is part of the plugin, and its `TABLES` are part of the
    configuration. Those of a call are for that call.
    """
    plugin = tmp_path / "plugin.py"
    plugin.write_text(TINY_PLUGIN + LINEAR_PLUGIN + getattr(request.module, "PLUGIN", ""))
    shared = AS_LONG_AS_LINEAR_NEEDS + getattr(request.module, "TABLES", "")
    tiny_config.write_text(tiny_config.read_text() + shared)

    def swept(
        *options: str, command: str = "run", tables: str = "", exits: int | None = 0
    ) -> tuple[Result, dict[tuple[str, float], StoredCell]]:
        before = tiny_config.read_text()
        tiny_config.write_text(f"{before}\n{tables}\n")
        done = iqabench(
            command, "--config", str(tiny_config), "--plugin", str(plugin),
            "--datasets", str(drawn_database), "--results", str(tmp_path / "results"), *options, exits=exits,
        )  # fmt: skip
        tiny_config.write_text(before)
        cells = Store(tmp_path / "results").cells()
        return done, {
            (of["attack"], of["epsilon"]): cell for cell in cells if (of := cell.provenance["cell"])
        }

    return swept


@pytest.fixture
def rows(iqabench: Callable[..., Result], tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Return what `iqabench results` prints as JSON."""

    def printed() -> list[dict[str, Any]]:
        results = str(tmp_path / "results")
        found: list[dict[str, Any]] = json.loads(
            iqabench("results", "--format", "json", "--results", results).stdout
        )
        return found

    return printed


@pytest.fixture
def checkpoint(tmp_path: Path, drawn_database: Path) -> Callable[..., str]:
    """Return the name under which weights are kept of a model that tables of a configuration describe."""

    def name(tables: str, **run: Any) -> str:
        (tmp_path / "bench.toml").write_text(tables)
        run = {"datasets": [str(drawn_database)], "models": ["resnet"], "attacks": ["fgsm"], **run}
        settings = load_settings(tmp_path / "bench.toml", overrides={"run": run})
        return plan_jobs(settings, tmp_path)[0].checkpoint.path.name

    return name


def cells_in(results: Path) -> list[dict[str, Any]]:
    """Return the fields of each cell of a store."""
    return [stored.provenance["cell"] for stored in Store(results).cells()]


def scores_by_cell(results: Path) -> dict[tuple[str, str, float], pd.DataFrame]:
    cells = {}
    for stored in Store(results).cells():
        cell = stored.provenance["cell"]
        cells[cell["model"], cell["attack"], cell["epsilon"]] = pd.read_parquet(stored.path)
    return cells


def assert_same_scores(first: Path, second: Path, *, models: Collection[str] = ()) -> None:
    """See that stores have the same cells, or those of some models, with the same scores, each once."""
    found = []
    for results in (first, second):
        cells = [
            cell
            for cell in Store(results).cells()
            if cell.provenance["cell"]["model"] in models or not models
        ]
        found.append({cell.key: cell for cell in cells})
        assert len(found[-1]) == len(cells)
    assert found[0].keys() == found[1].keys()
    for key, cell in found[0].items():
        other = found[1][key]
        pd.testing.assert_frame_equal(
            pd.read_parquet(cell.path), pd.read_parquet(other.path), check_exact=True
        )
        assert cell.provenance.get("diagnostics") == other.provenance.get("diagnostics")


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that one uninterrupted sweep filled; to be copied, not changed."""
    run = "run --config tiny.toml --plugin plugin.py --datasets drawn.csv --results finished"
    return run_in(tmp_path_factory.mktemp("sweep"), run) / "finished"


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """A store that one uninterrupted sweep filled."""
    return Path(shutil.copytree(finished_once, tmp_path / "finished"))
