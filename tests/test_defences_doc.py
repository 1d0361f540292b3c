"""docs/defences.toml measures every defence and recipe; docs/defences.py makes tables and a figure."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from iqabench.bench.core import registry
from iqabench.bench.core.config import Settings, load_settings
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.plan import plan_models
from iqabench.bench.training.regimes import CleanRegime
from iqabench.models.recipe import Labels

from .fabricated import drawn_auto, drawn_cell

FILE = Path(__file__).resolve().parent.parent / "docs" / "defences.toml"


def settings(profile: str) -> Settings:
    return load_settings(FILE, profile=profile)


def test_the_profile_of_wrappers_covers_every_defence_on_three_models_and_seeds() -> None:
    found = settings("wrappers")
    planned = plan_models(found)
    assert len(found.run.seed) == 3
    assert {(model.name, model.swept_defence) for model in planned} == {
        (model, defence)
        for model in ("resnet", "cprl", "sat")
        for defence in ("", *registry.names("defences"))
    }


def test_the_profile_of_regimes_covers_every_recipe_that_any_model_may_take() -> None:
    planned = plan_models(settings("regimes"))
    recipes = {model.fitted_by for model in planned}
    assert recipes == {*registry.names("recipes")} - {"cprl", "denoising"}
    assert {model.framing for model in planned} == {planned[0].framing}


@pytest.mark.parametrize(("name", "recipe"), [("sat_fast", "fast"), ("sat_adversarial", "adversarial")])
def test_smooth_adversarial_training_is_a_smooth_activation_under_attack(name: str, recipe: str) -> None:
    (planned,) = (model for model in plan_models(settings("regimes")) if model.name == name)
    assert planned.fitted_by == recipe
    model = planned.build().train()
    kinds = {type(layer) for layer in model.modules()}
    assert nn.SiLU in kinds
    assert nn.ReLU not in kinds
    made = registry.resolve("recipes", recipe)
    training = made(model, settings("regimes").training, CleanRegime(), **planned.recipe.params)  # type: ignore[union-attr]
    before = [weight.detach().clone() for weight in model.parameters()]
    terms = training.step(0, torch.rand(4, 3, 32, 32), Labels(torch.rand(4)))
    assert terms["loss"].isfinite()
    assert any(not torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))


def test_the_script_prints_a_table_of_defences_and_one_of_recipes_and_draws_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    jpeg: dict[str, Any] = {
        "variant": "defence=jpeg",
        "defence": [{"name": "jpeg", "params": {}, "version": 1, "source": None}],
    }
    for seed in (0, 1):
        for model in ("resnet", "sat"):
            drawn_cell(store, model=model, seed=seed)
            drawn_auto(store, model, 1.0, seed=seed)
        drawn_cell(store, model="resnet", seed=seed, **jpeg)
        for knowledge in ("adaptive", "static"):
            drawn_auto(store, "resnet", 1.0, seed=seed, knowledge=knowledge, **jpeg)
    script = importlib.import_module("iqabench.docs.defences")
    monkeypatch.setattr(script, "HERE", tmp_path)
    done = CliRunner().invoke(script.main, [str(store.root)], catch_exceptions=False)
    lines = done.output.splitlines()
    assert lines[0].startswith("| ResNet behind | clean SROCC | given up | static, ε = 1 | adaptive, ε = 1 |")
    assert lines[2].startswith("| nothing | ")
    assert lines[3].startswith("| `jpeg` | ")
    assert "0 of 2" in lines[3]
    models = [line.split(" | ")[0] for line in lines if line.startswith("| `")][1:]
    assert models == ["| `sat`", "| `resnet`"]  # by the worst case
    assert (tmp_path / "images" / "defences.png").read_bytes().startswith(b"\x89PNG")
