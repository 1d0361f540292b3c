"""The key `recipe` of a model's table: how it is trained, by name or as a table with parameters."""

import pytest

from iqabench.bench.core.config import load_settings
from iqabench.bench.core.errors import UserError
from iqabench.bench.sweep.plan import plan_models
from iqabench.bench.sweep.planning.jobs import plan_jobs
from iqabench.bench.training.checkpoints import Checkpoint

TABLES = """
[models.flat]
like = "tiny"
recipe = { name = "gradient_norm", weight = 0.1 }

[models.noisy]
like = "tiny"
recipe = "noise"
"""


def test_models_of_one_class_are_trained_by_the_recipes_of_their_tables(
    iqabench, tiny_sweep: list[str], tiny_config, tmp_path
):
    tiny_config.write_text(tiny_config.read_text() + TABLES)
    iqabench(
        "train", *tiny_sweep, "--models", "tiny,flat,noisy", "--results", str(tmp_path / "results"), exits=0
    )
    paths = (tmp_path / "results" / "checkpoints").rglob("*.safetensors")
    cards = {card["model"]: card for path in paths if (card := Checkpoint(path).card())}
    assert {name: card["recipe"] for name, card in cards.items()} == {
        "tiny": "regression", "flat": "gradient_norm", "noisy": "noise",
    }  # fmt: skip
    assert len({card["weights"] for card in cards.values()}) == 3
    assert "gradient norm" in cards["flat"]["curve"][0]


def test_parameters_of_later_versions_at_their_defaults_leave_the_names_of_checkpoints_alone(checkpoint):
    def weights_of(table):
        return checkpoint(f"[models.cprl]\n{table}\n", models=["cprl"])

    assert weights_of("") == weights_of('fc = "linear"\nfc_input = "features"')
    named = weights_of('recipe = "cprl"')
    assert named == weights_of('recipe = { name = "cprl", turns = "SF NC", minimised = "risk" }')
    others = [
        'fc = "nonlinear"',
        'fc_input = "replaced_part"',
        'recipe = { name = "cprl", turns = "None SF NC" }',
        'recipe = { name = "cprl", minimised = "objective" }',
    ]
    assert len({weights_of(""), named, *map(weights_of, others)}) == 6


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ('"gradient_nrom"', "unknown recipe 'gradient_nrom'"),
        ("3", "found 3, accepted is a name or a table"),
        ('{ name = "noise", sigma = -1 }', "sigma"),
        ('{ name = "noise", weight = 1 }', "unknown key 'weight'"),
        ('{ name = "noise", model = 1 }', "unknown key 'model'"),
    ],
)
def test_a_mistake_is_told_with_table_and_key(tmp_path, recipe, message):
    config = tmp_path / "bench.toml"
    config.write_text(f"[models.resnet]\nrecipe = {recipe}\n")
    settings = load_settings(config, overrides={"run": {"models": ["resnet"]}})
    with pytest.raises(UserError, match=r"bench.toml: \[models.resnet\]: key 'recipe'") as error:
        plan_models(settings)
    assert message in str(error.value)


def test_none_is_the_recipe_of_a_metric_that_is_used_as_it_is(
    iqabench, tiny_sweep: list[str], tiny_config, tmp_path
):
    (tmp_path / "contrast.py").write_text(
        "import torch\nclass Contrast(torch.nn.Module):\n"
        "    def forward(self, images):\n        return 2 * images.flatten(1).std(1)\n"
    )
    table = f'[models.contrast]\nnetwork = "{tmp_path / "contrast.py"}:Contrast"\n'
    tiny_config.write_text(f"{tiny_config.read_text()}\n{table}")
    command = ["run", *tiny_sweep, "--models", "contrast", "--attacks", "fgsm", "--epsilons", "1"]
    command += ["--results", str(tmp_path / "results")]
    refused = iqabench(*command, exits=2)
    assert "[models.contrast]" in refused.output
    assert 'say `recipe = "none"` in its class or its table' in refused.output
    tiny_config.write_text(f'{tiny_config.read_text()}recipe = "none"\n')
    assert "2 computed, 0 found done; 0 models trained." in iqabench(*command, exits=0).output


def test_a_model_that_is_used_as_it_is_built_has_the_clean_regime_whatever_the_others_have(
    tmp_path, drawn_database
):
    run = {"datasets": [str(drawn_database)], "models": ["resnet", "brisque"], "regime": "adversarial"}
    jobs = plan_jobs(load_settings(overrides={"run": run}), tmp_path)
    regimes = {job.model.name: cell.regime for job in jobs for cell in next(job.cells(""))[1]}
    assert regimes == {"resnet": "adversarial", "brisque": "clean"}
