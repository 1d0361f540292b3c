"""Models that diverge, leave the scale or draw random numbers are swept, and what is odd is said."""

import pytest

from .conftest import cells_in


def test_a_diverged_model_is_swept_and_reported_and_does_not_end_the_sweep(sweep, rows):
    done, _ = sweep("--models", "nan,constant,linear")
    assert "15 computed" in done.output
    found = {(row["model"], row["attack"], row["epsilon"]): row for row in rows()}
    assert found["nan", "none", 0]["srocc"] is None
    assert "NaN" in found["nan", "fgsm", 1]["status"]
    assert "constant" in found["constant", "none", 0]["status"]
    assert found["linear", "none", 0]["status"] == "ok"


def test_an_attack_on_a_stochastic_model_averages_over_samples_and_the_cell_says_how_many(sweep, tmp_path):
    sweep("--models", "noisy,linear", "--attacks", "fgsm", tables="[attacks.fgsm]\neot_samples = 3")
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
def test_what_a_model_says_where_no_sweep_looks_is_not_passed_over(sweep, tmp_path, said):
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE.format(said=said))
    for name in ("Inside", "build"):
        table = f'[models.mine]\nnetwork = "{tmp_path}/elsewhere.py:{name}"'
        done, _ = sweep("--models", "mine", "--attacks", "fgsm", tables=table, exits=2)
        assert f"says `{said}` where a sweep does not look for it" in " ".join(done.output.split())
