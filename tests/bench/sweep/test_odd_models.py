"""Models that diverge, leave the scale or draw random numbers are swept, and what is odd is said."""

import json
from pathlib import Path

import pytest

from iqabench.bench.store.store import Store

from .conftest import assert_same_scores

ODD_PLUGIN = """
import torch
from torch import nn
import iqabench


class Fixed(nn.Module):
    recipe = "none"

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(self.start))

    def forward(self, images):
        return images.mean(dim=(1, 2, 3)) * 0 + self.value


@iqabench.register_model("nan")
class NaN(Fixed):
    start = float("nan")


@iqabench.register_model("constant")
class Constant(Fixed):
    start = 0.5


@iqabench.register_model("percent")
class Percent(Fixed):
    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, images):
        return 100 * images.mean(dim=(1, 2, 3))
"""


STOCHASTIC_PLUGIN = """
import torch
from torch import nn
import iqabench


@iqabench.register_model("random")
class Random(nn.Module):
    recipe = "none"
    stochastic = True

    def forward(self, images):
        brightness = images.mean(dim=(1, 2, 3))
        return torch.sigmoid(brightness + torch.randn_like(brightness))
"""


@pytest.fixture
def sweep_of_odd_models(iqabench, tiny_sweep, tmp_path):
    """Sweep models of `ODD_PLUGIN`, into `results`."""

    def swept(models):
        (tmp_path / "odd.py").write_text(ODD_PLUGIN)
        options = ("--plugin", str(tmp_path / "odd.py"), "--models", models)
        done = iqabench("run", *tiny_sweep, *options, "--results", str(tmp_path / "results"))
        assert done.exit_code == 0, done.output
        return done

    return swept


def test_a_diverged_model_is_swept_and_reported_and_does_not_end_the_sweep(
    iqabench, sweep_of_odd_models, tmp_path
):
    done = sweep_of_odd_models("nan,constant,tiny")
    assert "15 computed" in done.output
    table = iqabench("results", "--format", "json", "--results", str(tmp_path / "results"))
    rows = {(row["model"], row["attack"], row["epsilon"]): row for row in json.loads(table.output)}
    assert rows["nan", "none", 0]["srocc"] is None
    assert "NaN" in rows["nan", "fgsm", 1]["status"]
    assert "constant" in rows["constant", "none", 0]["status"]
    assert rows["tiny", "none", 0]["status"] == "ok"


def test_scores_outside_0_to_1_are_pointed_out_once(sweep_of_odd_models):
    done = sweep_of_odd_models("percent,constant")
    (line,) = [line for line in done.output.splitlines() if "not all in [0, 1]" in line]
    assert "percent" in line
    assert "`score_range = [low, high]` in [models.percent]" in line


def test_a_stochastic_model_gives_the_same_scores_whichever_epsilons_are_missing(
    iqabench, tiny_sweep, tmp_path
):
    (tmp_path / "random.py").write_text(STOCHASTIC_PLUGIN)
    options = [*tiny_sweep, "--plugin", str(tmp_path / "random.py"), "--models", "random"]
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    iqabench("run", *options, "--epsilons", "1,4", "--results", whole)
    iqabench("run", *options, "--epsilons", "4", "--results", parts)
    iqabench("run", *options, "--epsilons", "1,4", "--results", parts)
    assert_same_scores(Path(whole), Path(parts))


def test_an_attack_on_a_stochastic_model_averages_over_samples_and_the_cell_says_how_many(
    iqabench, tiny_sweep, tiny_config, tmp_path
):
    (tmp_path / "random.py").write_text(STOCHASTIC_PLUGIN)
    tiny_config.write_text(tiny_config.read_text() + "[attacks.fgsm]\neot_samples = 3\n")
    options = [*tiny_sweep, "--plugin", str(tmp_path / "random.py"), "--attacks", "fgsm"]
    results = str(tmp_path / "results")
    assert iqabench("run", *options, "--models", "random,tiny", "--results", results).exit_code == 0
    samples = {
        stored.provenance["cell"]["model"]: stored.provenance["cell"]["attack_params"]["eot_samples"]
        for stored in Store(Path(results)).cells()
        if stored.provenance["cell"]["attack"] == "fgsm"
    }
    assert samples == {"random": 3, "tiny": 1}
