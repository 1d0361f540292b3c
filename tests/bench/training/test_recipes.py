"""Plain regression, the recipe that a model asks for, and a plugin that brings its own."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from iqabench import UserError
from iqabench.bench.core.config import load_settings
from iqabench.bench.training.recipes import Regression, recipe_of
from iqabench.bench.training.regimes import CleanRegime
from iqabench.models import create_model
from iqabench.models.recipe import Labels, statistics_kept

TINY = {"backbone": "resnet18", "backbone_args": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}}
TRAINING = load_settings().training.model_copy(update={"learning_rate": 1e-2})
IMAGES = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
LABELS = Labels(torch.linspace(0.05, 0.95, 8))

MODEL = """
import torch
from torch import nn
import iqabench


@iqabench.register_model("scaled")
class Scaled(nn.Module):
    recipe = "signs"

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.25))

    def forward(self, images):
        return self.scale * images.mean((1, 2, 3))
"""

RECIPE = """
import torch
import iqabench


@iqabench.register_recipe("signs")
class Signs(iqabench.Recipe):
    version = 3

    def step(self, number, images, labels):
        fit = self.regime(self.model, images, labels)
        with torch.no_grad():
            self.model.scale.add_(0.125)
        return {"loss": fit.loss.detach(), "number": torch.tensor(float(number))}
"""


def test_plain_regression_goes_down_the_mean_squared_error():
    model = create_model("resnet", **TINY).train()
    recipe = Regression(model, TRAINING, CleanRegime())
    with torch.no_grad(), statistics_kept(model):
        expected = F.mse_loss(model(IMAGES), LABELS.quality)
    terms = [recipe.step(number, IMAGES, LABELS) for number in range(10)]
    assert list(terms[0]) == ["loss"]
    assert terms[0]["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms[-1]["loss"] < 0.7 * terms[0]["loss"]
    assert not terms[0]["loss"].requires_grad


def test_frozen_weights_stay_what_they_are():
    model = create_model("resnet", **TINY).train()
    model.backbone.requires_grad_(False)
    before = model.backbone.conv1.weight.clone(), model.head.weight.detach().clone()
    Regression(model, TRAINING, CleanRegime()).step(0, IMAGES, LABELS)
    assert torch.equal(model.backbone.conv1.weight, before[0])
    assert not torch.equal(model.head.weight, before[1])


def test_a_model_chooses_its_recipe_and_a_wrong_one_is_answered():
    assert recipe_of(nn.Linear(1, 1)) == "regression"
    assert recipe_of(create_model("cprl", **TINY)) == "cprl"
    model = nn.Linear(1, 1)
    model.recipe = "regresion"
    with pytest.raises(UserError, match="unknown training recipe 'regresion': did you mean 'regression'"):
        recipe_of(model)


def test_a_plugin_brings_a_model_with_a_recipe_of_its_own(iqabench, tmp_path, drawn_database, tiny_config):
    model, recipe, results = tmp_path / "scaled.py", tmp_path / "signs.py", tmp_path / "results"
    model.write_text(MODEL)
    recipe.write_text(RECIPE)
    assert "signs" in iqabench("list", "recipes", "--plugin", str(recipe)).output
    plugins = ["--plugin", str(model), "--plugin", str(recipe), "--models", "scaled"]
    sweep = ["--config", str(tiny_config), "--datasets", str(drawn_database), "--results", str(results)]
    iqabench("train", *sweep, *plugins, exits=0)
    (card_file,) = (results / "checkpoints").rglob("*.json")
    card = json.loads(card_file.read_text())
    assert (card["recipe"], card["recipe_version"], card["model_version"]) == ("signs", 3, 1)
    steps = 3 * (card["curve"][0]["number"] * 2 + 1)  # three epochs; `number` is the mean of 0 to steps - 1
    assert load_file(card_file.with_suffix(".safetensors"))["scale"].item() == 0.25 + 0.125 * steps

    assert "0 models trained, 1 found trained" in iqabench("train", *sweep, *plugins).output
    recipe.write_text(RECIPE.replace("0.125", "0.5"))
    assert "1 model trained, 0 found trained" in iqabench("train", *sweep, *plugins).output
