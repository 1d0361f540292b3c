"""Models that diverge, leave the scale or draw random numbers are swept, and what is odd is said."""

import json

import pytest

from .conftest import assert_same_scores, cells_in


def test_a_diverged_model_is_swept_and_reported_and_does_not_end_the_sweep(iqabench, sweep, tmp_path):
    done, _ = sweep("--models", "nan,constant,linear")
    assert "15 computed" in done.output
    table = iqabench("results", "--format", "json", "--results", str(tmp_path / "results"))
    rows = {(row["model"], row["attack"], row["epsilon"]): row for row in json.loads(table.output)}
    assert rows["nan", "none", 0]["srocc"] is None
    assert "NaN" in rows["nan", "fgsm", 1]["status"]
    assert "constant" in rows["constant", "none", 0]["status"]
    assert rows["linear", "none", 0]["status"] == "ok"


def test_scores_outside_0_to_1_are_pointed_out_once(sweep):
    done, _ = sweep("--models", "percent,constant")
    (line,) = [line for line in done.output.splitlines() if "not all in [0, 1]" in line]
    assert "percent" in line
    assert "`score_range = [low, high]` in [models.percent]" in line


def test_a_stochastic_model_gives_the_same_scores_whichever_epsilons_are_missing(sweep, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for results, epsilons in ((whole, "1,4"), (parts, "4"), (parts, "1,4")):
        sweep("--models", "noisy", "--epsilons", epsilons, "--results", str(results))
    assert_same_scores(whole, parts)


def test_an_attack_on_a_stochastic_model_averages_over_samples_and_the_cell_says_how_many(
    sweep, tiny_config, tmp_path
):
    tiny_config.write_text(tiny_config.read_text() + "[attacks.fgsm]\neot_samples = 3\n")
    sweep("--models", "noisy,linear", "--attacks", "fgsm")
    attacked = [cell for cell in cells_in(tmp_path / "results") if cell["attack"] == "fgsm"]
    samples = {cell["model"]: cell["attack_params"]["eot_samples"] for cell in attacked}
    assert samples == {"noisy": 3, "linear": 1}


ELSEWHERE = """
import torch


class Inside(torch.nn.Module):
    recipe = "none"

    def __init__(self):
        super().__init__()
        self.{said}

    def forward(self, images):
        return 0.01 * torch.randn(len(images)) + images.mean((1, 2, 3))


class Class(Inside):
    {said}


def build():
    return Class()


build.recipe = "none"
"""


@pytest.mark.parametrize("said", ["stochastic = True", "lower_is_better = True", "score_range = (0, 100)"])
def test_what_a_model_says_where_no_sweep_looks_is_not_passed_over(sweep, tiny_config, tmp_path, said):
    plain = tiny_config.read_text()
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE.format(said=said))
    for name in ("Inside", "build"):
        tiny_config.write_text(f'{plain}[models.mine]\nnetwork = "{tmp_path}/elsewhere.py:{name}"\n')
        done, _ = sweep("--models", "mine", "--attacks", "fgsm", exits=2)
        assert f"says `{said}` where a sweep does not look for it" in " ".join(done.output.split())
