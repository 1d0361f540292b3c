"""A linear model, others made of it, sweeps on the drawn database, and the scores that they store."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from iqabench.bench.store.cell_file import StoredCell
from iqabench.bench.store.store import Store
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


@iqabench.register_attack("far")
class Far(iqabench.Attack):
    def run(self, victim, epsilons):
        for epsilon in epsilons:
            yield 1 - victim.images


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
    iqabench: Callable[..., Result], drawn_database: Path, tiny_config: Path, tmp_path: Path
) -> Callable[..., tuple[Result, dict[tuple[str, float], StoredCell]]]:
    """Run a command with the plugin; return the console, and the cells by attack and epsilon."""
    (tmp_path / "plugin.py").write_text(TINY_PLUGIN + LINEAR_PLUGIN)
    tiny_config.write_text(tiny_config.read_text() + AS_LONG_AS_LINEAR_NEEDS)

    def swept(
        *options: str, command: str = "run", exits: int | None = 0
    ) -> tuple[Result, dict[tuple[str, float], StoredCell]]:
        done = iqabench(
            command, "--config", str(tiny_config), "--plugin", str(tmp_path / "plugin.py"),
            "--datasets", str(drawn_database), "--results", str(tmp_path / "results"), *options, exits=exits,
        )  # fmt: skip
        cells = Store(tmp_path / "results").cells()
        return done, {
            (of["attack"], of["epsilon"]): cell for cell in cells if (of := cell.provenance["cell"])
        }

    return swept


def cells_in(results: Path) -> list[dict[str, Any]]:
    """Return the fields of each cell of a store."""
    return [stored.provenance["cell"] for stored in Store(results).cells()]


def scores_by_cell(results: Path) -> dict[tuple[str, str, float], pd.DataFrame]:
    cells = {}
    for stored in Store(results).cells():
        cell = stored.provenance["cell"]
        cells[cell["model"], cell["attack"], cell["epsilon"]] = pd.read_parquet(stored.path)
    return cells


def assert_same_scores(first: Path, second: Path) -> None:
    one, other = scores_by_cell(first), scores_by_cell(second)
    assert one.keys() == other.keys()
    for key in one:
        pd.testing.assert_frame_equal(one[key], other[key], check_exact=True)


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that one uninterrupted sweep filled; to be copied, not changed."""
    run = "run --config tiny.toml --plugin plugin.py --datasets drawn.csv --results finished"
    return run_in(tmp_path_factory.mktemp("sweep"), run) / "finished"


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """A store that one uninterrupted sweep filled."""
    return Path(shutil.copytree(finished_once, tmp_path / "finished"))
