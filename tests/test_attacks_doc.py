"""docs/attacks.md lists every attack, with the keys of its table as `bench.toml` and the class have them."""

import inspect
import re
import tomllib

import pytest

from iqabench import load_settings
from iqabench.bench.core import registry

from .pages import page_of

SHARED = {"norm", "eight_bit", "seed", "weights_dir", "download"}  # described in docs/configuration.md
TABLE = page_of("attacks.md").partition("What was read")[0]
ROWS = {
    name: keys
    for names, keys in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|.*\| ([^|]*) \|$", TABLE, re.MULTILINE)
    for name in re.findall(r"\w+", names)
}


def keys_of(attack):
    parameters = inspect.signature(registry.resolve("attacks", attack)).parameters.items()
    table = load_settings(profile="paper").attacks.get(attack, {})
    return {name: table.get(name, parameter.default) for name, parameter in parameters if name not in SHARED}


@pytest.mark.parametrize("attack", registry.names("attacks"))
def test_an_attack_has_a_row_with_the_keys_of_its_table(attack):
    listed = re.findall(r"`([^`]+)`", ROWS[attack])
    found = tomllib.loads("\n".join(key for key in listed if "=" in key))
    assert found | {key: None for key in listed if "=" not in key} == keys_of(attack)


def test_an_attack_without_the_shared_keys_of_a_ball_is_named():
    page = page_of("configuration.md")
    (without,) = re.findall(r"256 grey levels inside the ball, of all\s+but (.*?);", page, re.DOTALL)
    for attack in registry.names("attacks"):
        parameters = inspect.signature(registry.resolve("attacks", attack)).parameters
        assert ("norm" in parameters) == ("eight_bit" in parameters) == (f"`{attack}`" not in without), attack
