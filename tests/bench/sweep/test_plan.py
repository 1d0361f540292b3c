"""From settings to models and attacks: grids, tables that start from others, several profiles."""

import pytest

from iqabench import UserError
from iqabench.bench.core.config import load_settings
from iqabench.bench.sweep.plan import check_tables, plan_attacks, plan_models


def settings_of(tmp_path, text, **arguments):
    (tmp_path / "mine.toml").write_text(text)
    return load_settings(tmp_path / "mine.toml", **arguments)


def test_a_grid_makes_a_variant_of_every_combination(tmp_path):
    text = "[run]\nmodels = ['cprl']\n[grid.cprl]\nb = [0.1, 0.4]\nsites = [[4], 'every_block']\n"
    models = plan_models(settings_of(tmp_path, text))
    assert [model.variant for model in models] == [
        "b=0.1, sites=4",
        "b=0.1, sites=every_block",
        "sites=4",
        "sites=every_block",
    ]
    assert [(model.params["b"], model.params["sites"]) for model in models] == [
        (0.1, (4,)),
        (0.1, "every_block"),
        (0.4, (4,)),
        (0.4, "every_block"),
    ]
    assert {model.name for model in models} == {"cprl"}
    assert {model.params["backbone"] for model in models} == {"resnet18"}  # of the demo's own table


def test_the_point_of_a_grid_that_is_the_models_own_table_is_no_variant(tmp_path):
    text = "[run]\nmodels = ['cprl']\n[models.cprl]\nb = 0.3\n[grid.cprl]\nb = [0.1, 0.3, 0.3]\n"
    models = plan_models(settings_of(tmp_path, text))
    assert [model.variant for model in models] == ["b=0.1", ""]


def test_a_grid_of_a_model_that_is_not_swept_adds_nothing(tmp_path):
    text = "[run]\nmodels = ['resnet']\n[grid.cprl]\nb = [0.1, 0.3]\n"
    assert [model.name for model in plan_models(settings_of(tmp_path, text))] == ["resnet"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grid.cprl]\nc = [1]", r"mine.toml: \[grid.cprl\]: unknown key 'c'"),
        ("[grid.cprl]\nb = [0.1, 0.7]", r"mine.toml: \[grid.cprl\]: key 'b': found 0.7"),
        ("[grid.cpr]\nb = [0.1]", "unknown model 'cpr': did you mean 'cprl'"),
        ("[models.x]\nlike = 'resnt'", "unknown model 'resnt': did you mean 'resnet'"),
        ("[models.x]\nlike = 'x'", r"mine.toml: \[models.x\]: key 'like': found 'x'"),
        ("[models.x]\nlike = 'cprl'\nbb = 1", r"mine.toml: \[models.x\]: unknown key 'bb'"),
        ("[attacks.x]\nlike = 'pgd'\nsteps = 0", r"mine.toml: \[attacks.x\]: key 'steps': found 0"),
    ],
)
def test_a_mistake_in_a_grid_or_a_table_like_another_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        check_tables(settings_of(tmp_path, text))


def test_a_table_like_another_starts_from_it_and_keeps_its_own_name(tmp_path):
    text = """
        [run]
        models = ["narrow", "narrower"]
        attacks = ["long_pgd"]
        [models.narrow]
        like = "cprl"
        b = 0.1
        [models.narrower]
        like = "narrow"
        reading = "literal"
        [attacks.long_pgd]
        like = "pgd"
        steps = 40
    """
    settings = settings_of(tmp_path, text)
    narrow, narrower = plan_models(settings)
    assert (narrow.name, narrow.variant, narrow.params["b"]) == ("narrow", "", 0.1)
    assert (narrower.params["b"], narrower.params["reading"]) == (0.1, "literal")
    assert narrower.params["backbone"] == "resnet18"
    (attack,) = plan_attacks(settings)
    assert (attack.name, attack.attack.steps, attack.attack.random_start) == ("long_pgd", 40, True)


def test_an_attack_averages_over_samples_on_a_stochastic_model_alone(tmp_path):
    settings = settings_of(tmp_path, "[run]\nmodels = ['lwta', 'resnet']\nattacks = ['fgsm', 'noise']\n")
    lwta, resnet = plan_models(settings)
    fgsm, noise = plan_attacks(settings)
    assert fgsm.against(lwta).attack.eot_samples == fgsm.against(lwta).params["eot_samples"] > 1
    assert fgsm.against(resnet).attack.eot_samples == fgsm.against(resnet).params["eot_samples"] == 1
    assert noise.against(resnet) is noise


def test_a_profile_lies_on_the_one_it_extends_unless_another_goes_before_it(tmp_path):
    text = "[profiles.mine]\nextends = 'demo'\n[profiles.mine.run]\nseed = [4, 5]\n"
    alone = settings_of(tmp_path, text, profile="mine")
    assert (alone.run.image_size, alone.run.seed, alone.profile) == (96, [4, 5], "mine")
    on_paper = settings_of(tmp_path, text, profile="paper,mine")
    assert (on_paper.run.image_size, on_paper.run.seed, on_paper.profile) == (320, [4, 5], "paper,mine")
    assert settings_of(tmp_path, text, profile="mine,demo").run.seed == [4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[profiles.a]\nextends = 'demmo'",
            r"\[profiles.a\]: key 'extends': found 'demmo': did you mean 'demo'",
        ),
        ("[profiles.a]\nextends = 'b'\n[profiles.b]\nextends = 'a'", "profile '[ab]' extends itself"),
        ("profile = 'paper,tabel5'", "unknown profile 'tabel5': did you mean 'table5'"),
    ],
)
def test_a_profile_that_cannot_be_laid_over_another_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        settings_of(tmp_path, text)


@pytest.mark.parametrize(("profile", "models"), [("table5", 30), ("table6", 3), ("account", 21)])
def test_the_ablations_cover_what_the_papers_tables_and_the_account_ask_for(profile, models):
    settings = load_settings(profile=profile)
    planned = plan_models(settings)
    assert len(planned) == models
    assert settings.run.seed == [0, 1, 2]
    assert {model.params["backbone"] for model in planned} == {"resnet18"}
    weights = {model.params["pns_weight"] for model in planned if model.name == "cprl"}
    own = next(model for model in plan_models(load_settings()) if model.name == "cprl").params["pns_weight"]
    assert weights == ({0.0} if profile == "table5" else {0.0, own})
