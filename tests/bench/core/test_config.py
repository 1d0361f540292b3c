import re
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from iqabench import UserError, load_settings
from iqabench.bench.cli.main import main
from iqabench.bench.core import config as config_module
from iqabench.bench.core.configuration import tables
from iqabench.bench.core.parameters import ParameterError


def settings_of(tmp_path: Path, text: str, **options):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_settings(path, **options)


def test_demo_is_the_default_profile_and_paper_is_the_papers_setting():
    assert load_settings().profile == "demo"
    paper = load_settings(profile="paper")
    assert paper.run.datasets == ["vcl", "live", "livec", "koniq"]
    assert (paper.run.image_size, paper.training.batch_size, paper.training.learning_rate) == (320, 16, 3e-5)
    assert paper.models["resnet"]["backbone"] == "resnet50"
    assert paper.models["cprl"]["b"] == 0.4
    assert paper.training.pretrained


def test_a_users_file_needs_only_what_differs(tmp_path):
    text = '\ufeff[datasets.live]\nroot = "/data/live"\n[training]\nepochs = 7\n'  # after a byte order mark
    mine = settings_of(tmp_path, text)
    assert mine.datasets["live"]["root"] == "/data/live"
    assert mine.training.epochs == 7
    assert mine.run.image_size == load_settings().run.image_size


def test_the_users_profile_wins_over_the_users_tables_and_the_command_line_over_all(tmp_path):
    text = "[run]\nseed = 1\n[profiles.demo.run]\nseed = 2\n"
    assert settings_of(tmp_path, text).run.seed == [2]
    assert settings_of(tmp_path, text, profile="paper").run.seed == [1]
    assert settings_of(tmp_path, text, overrides={"run": {"seed": 3}}).run.seed == [3]


def test_a_file_in_the_working_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "bench.toml").write_text("[run]\nseed = 9\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().run.seed == [9]
    with pytest.raises(UserError, match=r"^nowhere\.toml: no such configuration file"):
        load_settings(Path("nowhere.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nseeds = 3", r"mine.toml: \[run\]: unknown key 'seeds': did you mean 'seed'"),
        ("[run]\nseed = -3", r"\[run\]: key 'seed': found -3, accepted is a whole number from 0"),
        ("[training]\nepochs = 'x'", r"\[training\]: key 'epochs': found 'x', accepted is a valid integer"),
        ("[profiles.paper.training]\nepoch = 1", r"\[profiles.paper.training\]: unknown key 'epoch'"),
        ("[runn]\nseed = 1", "mine.toml: unknown key 'runn': did you mean 'run'"),
        ("[run]\nmodels = 'resnet'", "'models': found 'resnet', accepted is a list of names, or \"all\""),
        ("[run]\nepsilons = [1, -2]", r"\[run\]: key 'epsilons.1': found -2"),
        ("[models]\nresnet = 3", r"\[models\]: key 'resnet': found 3, accepted is a table"),
        ("profiles = 3", "key 'profiles': found 3"),
        ("[profiles]\nmine = 3", r"\[profiles\]: key 'mine': found 3, accepted is a table"),
        ("profile = 'demoo'", "unknown profile 'demoo': did you mean 'demo'"),
        ("[run", "mine.toml: not valid TOML"),
        ("[run]\nmodels = " + "[" * 3000 + "]" * 3000, "not valid TOML"),
        ("[run]\nmodels = " + "[" * 60 + "]" * 60, "key 'models.0'"),
        ("[run]\nregime = '" + "x" * 3000 + "'", r"found 'x{70,77}\.\.\."),
        ("[profiles.x]\nextends = [0]", r"\[profiles.x\]: key 'extends': found \[0\]"),
        ("[run]\nepsilons = []", r"key 'epsilons': found \[\], accepted is at least one radius"),
        (
            f"[run]\nsplit_seed = {2**63}",
            "key 'run.split_seed': found 9223372036854775808, accepted is a num",
        ),
        (f"[run]\nseed = {2**64}", "key 'run.seed': found 18446744073709551616, accepted is a number of 64"),
        ("[run]\nsplit_seed = 1e30", r"\[run\]: key 'split_seed': found 1e\+30, accepted is"),
        ("[run]\nseed = 1e30", r"\[run\]: key 'seed': found 1e\+30, accepted is a whole number"),
        ("[training]\nlearning_rate = inf", r"\[training\]: key 'learning_rate': found inf, accepted is a f"),
        *(
            (f"[run]\ndevice = '{name}'", 'key \'device\': found .*, accepted is "auto", "cpu", "cuda" or')
            for name in ("gpu", "cuda:", "cuda:x", "0")
        ),
    ],
)
def test_a_mistake_is_named_shortly_with_file_table_key_and_what_is_accepted(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as error:
        settings_of(tmp_path, text)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_mistake_on_the_command_line_is_not_blamed_on_a_file(tmp_path, seed):
    with pytest.raises(UserError, match=r"^command line: \[run\]: key 'seed'"):
        settings_of(tmp_path, "", overrides={"run": {"seed": [seed]}})


def test_the_table_that_is_to_blame_is_the_last_that_says_something(tmp_path):
    tables = "[models.resnet]\nbackbone = 'a'\n[profiles.paper.models.sat]\nbackbone = 'b'\n"
    mine = settings_of(tmp_path, tables)
    assert mine.where_table("models", "resnet").endswith("mine.toml: [models.resnet]")
    assert mine.where_table("models", "sat") == "packaged bench.toml: [profiles.demo.models.sat]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[models.resnet]\nbackbon = 'x'", r"bad.toml: \[models.resnet\]: unknown key 'backbon'"),
        ("[attacks.pgd]\nsteps = 0", r"bad.toml: \[attacks.pgd\]: key 'steps': found 0"),
        ("[models.resnet]\nweights = 3", r"\[models.resnet\]: key 'weights': found 3"),
        ("[datasets.live]\nrot = 'x'", r"bad.toml: \[datasets.live\]: unknown key 'rot'.*'root'"),
    ],
)
def test_parameters_are_checked_against_the_constructor_and_blamed_on_their_table(tmp_path, text, message):
    (tmp_path / "bad.toml").write_text(text)
    result = CliRunner().invoke(main, ["config", "--config", str(tmp_path / "bad.toml")])
    assert result.exit_code == 2
    assert re.search(message, result.output)


def test_config_prints_toml_that_reads_back_as_the_same_settings(tmp_path):
    result = CliRunner().invoke(main, ["config", "--profile", "paper"])
    assert result.exit_code == 0
    (tmp_path / "printed.toml").write_text(result.output)
    printed = load_settings(tmp_path / "printed.toml")
    assert printed.model_dump() == load_settings(profile="paper").model_dump()


def test_the_tables_of_the_page_are_written_from_the_settings():
    page = Path(config_module.PACKAGED).parent / "docs" / "configuration.py"
    script = runpy.run_path(str(page))
    text = script["PAGE"].read_text()
    assert script["page"](text) == text, "python docs/configuration.py writes the tables anew"
    changed = text.replace("| `workers` | integer ≥ 1 |", "| `workers` | text |")
    assert changed != text == script["page"](changed)


def test_every_key_is_described_and_documented():
    documented = (Path(config_module.PACKAGED).parent / "docs" / "configuration.md").read_text()
    names = ("Run", "Training", "Adversarial", "Engine", "Check")
    for table in (config_module.Settings, *(getattr(tables, f"{name}Settings") for name in names)):
        for name, field in table.model_fields.items():
            assert field.description
            assert f"`{name}`" in documented, f"docs/configuration.md does not mention {name}"


@pytest.mark.parametrize(
    ("written", "epsilons"),
    [
        ("[8, 0.5]", [8, 0.5]),
        ('["8/255", " 1 / 255 ", "2"]', [8, 1, 2]),
        ("[0, 0.1, 255]", [0, 0.1, 255]),
        ("[3.9999999, 1.23456789]", [4, 1.23457]),
    ],
)
def test_an_epsilon_is_in_units_of_a_grey_level_and_may_say_so(tmp_path, written, epsilons):
    assert settings_of(tmp_path, f"[run]\nepsilons = {written}").run.epsilons == epsilons


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("0.03", "0 or at least 0.1: did you mean 7.65, which is 0.03 of pixels in"),
        ('"0.01"', "did you mean 2.55"),
        ('"8/256"', "accepted is a number in units of 1/255, such as 8"),
        ("256", "less than or equal to 255"),
        ("true", "a number in units of 1/255"),
    ],
)
def test_an_epsilon_in_another_unit_is_refused_with_what_was_probably_meant(tmp_path, written, message):
    with pytest.raises(UserError, match=r"\[run\]: key 'epsilons.1'.*" + message):
        settings_of(tmp_path, f"[run]\nepsilons = [1, {written}]")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1"])
def test_a_gpu_can_be_named_by_its_number(tmp_path, device):
    assert settings_of(tmp_path, f"[run]\ndevice = '{device}'").run.device == device


@pytest.mark.parametrize("written", ['"Auto"', "0", "-1", "true", "2.0", '"16"', "[]"])
@pytest.mark.parametrize(("key", "word"), [("batch_size", "auto"), ("limit", "all")])
def test_a_batch_or_a_limit_is_a_number_of_images_or_a_word(tmp_path, key, word, written):
    told = rf"\[run\]: key '{key}': found .*, accepted is a whole number from 1, or \"{word}\"$"
    with pytest.raises(UserError, match=told):
        settings_of(tmp_path, f"[run]\n{key} = {written}")
    assert getattr(settings_of(tmp_path, f"[run]\n{key} = '{word}'").run, key) == word


def test_a_limit_of_the_profile_is_lifted_by_all():
    assert load_settings().run.limit == 36
    assert load_settings(overrides={"run": {"limit": "all"}}).run.limit == "all"
    assert load_settings(profile="paper").run.limit == "all"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("config", "--profile", ""), "--profile: unknown profile ''"),
        (("check", "--against", ""), "--against is empty"),
        (("compare", "a", "b", "--against", ""), "the address of a store is empty"),
        (("report", "--out", ""), "Invalid value for '--out': is empty"),
        (("report", "--out", "s3://lab/x"), "Invalid value for '--out': s3://lab/x is an address"),
    ],
)
def test_an_empty_option_or_an_address_in_place_of_a_path_is_answered(iqabench, command, told):
    assert told in iqabench(*command, exits=2).output


def test_a_method_without_a_table_is_named_itself_and_no_file_is_blamed(tmp_path):
    (tmp_path / "bench.toml").write_text('[models."pyiqa:musiq"]\ndownload = true\n')
    settings = load_settings(tmp_path / "bench.toml")
    where = settings.where_table("models", "pyiqa:musiq")
    assert where == f'{tmp_path / "bench.toml"}: [models."pyiqa:musiq"]'
    assert settings.where_table("models", "pyiqa:liqe") == "model 'pyiqa:liqe'"
    with pytest.raises(UserError, match=r"^attack 'mine': no$"), settings.blaming("attacks", "mine"):
        raise ParameterError("", "steps", "no")
