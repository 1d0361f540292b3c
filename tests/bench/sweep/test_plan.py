"""From settings to models and attacks: grids, tables that start from others, several profiles."""

import json

import pytest

from iqabench import UserError
from iqabench.bench.core.config import load_settings
from iqabench.bench.sweep.plan import check_tables, plan_attacks, plan_models
from iqabench.bench.sweep.planning.datasets import database_of
from iqabench.bench.sweep.planning.jobs import plan_jobs


def settings_of(tmp_path, text, **arguments):
    (tmp_path / "mine.toml").write_text(text)
    return load_settings(tmp_path / "mine.toml", **arguments)


def test_a_grid_makes_a_variant_of_every_combination(tmp_path):
    text = "[run]\nmodels = ['cprl']\n[grid.cprl]\nb = [0.1, 0.4]\nsites = [[4], 'every_block']\n"
    models = plan_models(settings_of(tmp_path, text))
    assert [(model.variant, model.params["b"], model.params["sites"]) for model in models] == [
        ("b=0.1, sites=4", 0.1, (4,)),
        ("b=0.1, sites=every_block", 0.1, "every_block"),
        ("sites=4", 0.4, (4,)),
        ("sites=every_block", 0.4, "every_block"),
    ]
    assert {model.name for model in models} == {"cprl"}
    assert {model.params["backbone"] for model in models} == {"resnet18"}  # of the demo's own table


def test_the_point_of_a_grid_that_is_the_models_own_table_is_no_variant_and_other_grids_add_nothing(tmp_path):
    text = "[run]\nmodels = ['cprl']\n[models.cprl]\nb = 0.3\n[grid.cprl]\nb = [0.1, 0.3, 0.3]\n"
    models = plan_models(settings_of(tmp_path, text))
    assert [model.variant for model in models] == ["b=0.1", ""]
    others = plan_models(settings_of(tmp_path, text.replace("['cprl']", "['resnet']")))
    assert [model.name for model in others] == ["resnet"]


def test_a_grid_may_be_of_initial_weights_which_the_training_table_says_else(tmp_path):
    text = "[run]\nmodels = ['resnet']\n[training]\npretrained = false\n"
    text += "[grid.resnet]\npretrained = [true, false]\n"
    models = plan_models(settings_of(tmp_path, text))
    assert [(model.variant, model.params["pretrained"]) for model in models] == [
        ("pretrained=True", True),
        ("", False),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grid.cprl]\nc = [1]", r"mine.toml: \[grid.cprl\]: unknown key 'c'"),
        ("[grid.cprl]\nb = [0.1, 0.7]", r"mine.toml: \[grid.cprl\]: key 'b': found 0.7"),
        ("[grid.cpr]\nb = [0.1]", "unknown model 'cpr': did you mean 'cprl'"),
        ("[models.x]\nlike = 'x'", r"mine.toml: \[models.x\]: key 'like': found 'x'"),
        ("[models.x]\nlike = 'cprl'\nbb = 1", r"mine.toml: \[models.x\]: unknown key 'bb'"),
        ("[attacks.x]\nlike = 'pgd'\nsteps = 0", r"mine.toml: \[attacks.x\]: key 'steps': found 0"),
    ],
)
def test_a_mistake_in_a_grid_or_a_table_like_another_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        check_tables(settings_of(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("[models.x]\nlike = 'resnt'", "unknown model 'resnt': did you mean 'resnet'"),
        ("[models.resnt]\nb = 1", "unknown model 'resnt': did you mean 'resnet'"),
        ("[datasets.x]\nadapter = 'cvs'", "unknown dataset 'cvs': did you mean 'csv'?"),
    ],
)
def test_a_table_of_what_no_plugin_registered_fails_only_a_sweep_of_it(tmp_path, text, unknown):
    settings = settings_of(tmp_path, text)
    (note,) = check_tables(settings)
    assert f"{text.splitlines()[0]} is passed over: {unknown}" in note
    assert note.endswith("or --plugin FILE.py.")
    used = settings_of(tmp_path, f"{text}\n[run]\nmodels = ['resnt']")
    with pytest.raises(UserError, match="unknown model 'resnt'"):
        plan_models(used)


@pytest.mark.parametrize("name", ["..", "a/b", "..\\b", "a\x1bb", "m" * 215, "ä" * 100, "."])
def test_a_name_that_no_file_can_have_is_refused_before_training(tmp_path, name):
    text = f"[models.{json.dumps(name)}]\nlike = 'resnet'\n"
    with pytest.raises(UserError, match=r"\[models\..*\]: files are named after it") as error:
        check_tables(settings_of(tmp_path, text))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["..", "\x1b[31m", "m" * 215])
def test_a_dataset_of_a_csv_file_has_a_name_that_files_can_have(tmp_path, name):
    with pytest.raises(UserError, match="files are named after it"):
        database_of(load_settings(), f"{tmp_path}/{name}.csv", tmp_path)


def test_an_adapter_that_is_not_a_name_is_an_error_of_its_table(tmp_path):
    with pytest.raises(UserError, match=r"mine.toml: \[datasets.x\]: key 'adapter': found \[1\]"):
        check_tables(settings_of(tmp_path, "[datasets.x]\nadapter = [1]"))


def test_weights_in_the_home_folder_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (model,) = plan_models(
        settings_of(tmp_path, "[run]\nmodels=['resnet']\n[models.resnet]\nweights='~/w.safetensors'")
    )
    assert model.weights == tmp_path / "w.safetensors"


def test_no_table_of_a_profile_is_blamed_that_does_not_exist(tmp_path):
    text = "[profiles.demo.models.lwta]\nwidth_factor = 0.5\n"
    assert settings_of(tmp_path, text).where_table("models", "own") == "model 'own'"


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
        ("[profiles.a]\nextends = 'demmo'", r"a\]: key 'extends': found 'demmo': did you mean 'demo'"),
        ("[profiles.a]\nextends = 'b'\n[profiles.b]\nextends = 'a'", "profile '[ab]' extends itself"),
        ("profile = 'paper,tabel5'", "unknown profile 'tabel5': did you mean 'table5'"),
    ],
)
def test_a_profile_that_cannot_be_laid_over_another_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        settings_of(tmp_path, text)


def test_the_profile_of_algorithm_1_takes_one_reading_at_a_time_and_all_of_them_together():
    planned = {model.name: model for model in plan_models(load_settings(profile="algorithm1"))}
    own = planned["cprl"].params

    def changes(model):
        params = {key: value for key, value in model.params.items() if value != own.get(key)}
        return params | (model.recipe.params if model.recipe else {})

    assert {name: changes(model) for name, model in planned.items() if name.startswith("cprl")} == {
        "cprl": {},
        "cprl_none_sf_nc": {"turns": "None SF NC"},
        "cprl_eq14": {"minimised": "objective"},
        "cprl_nonlinear": {"fc": "nonlinear"},
        "cprl_replaced_part": {"fc_input": "replaced_part"},
        "cprl_printed": {"printed_intervention": True},
        "cprl_all": {
            "fc": "nonlinear", "fc_input": "replaced_part", "turns": "None SF NC", "minimised": "objective"
        },
    }  # fmt: skip


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


def test_what_needs_no_training_is_measured_first(tmp_path, drawn_database):
    text = f"[run]\ndatasets = ['{drawn_database}']\nmodels = ['resnet', 'brisque', 'nima']\nseed = [0, 1]\n"
    jobs = plan_jobs(settings_of(tmp_path, text), tmp_path)
    order = [("brisque", 0), ("resnet", 0), ("resnet", 1), ("nima", 0), ("nima", 1)]
    assert [(job.model.name, job.seed) for job in jobs] == order
