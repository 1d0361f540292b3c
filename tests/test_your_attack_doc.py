"""docs/your-attack.md works as written: its attack keeps the contract, and its command runs."""

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from iqabench.examples.drawn import draw

from .pages import blocks, commands, page_of

PAGE = page_of("your-attack.md")
TINY = """
[run]
image_size = 32
epsilons = [1]

[datasets.synthetic]
adapter = "csv"
root = "scores.csv"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    draw(tmp_path, scenes=4)
    Path("bench.toml").write_text(TINY)
    for block in blocks(PAGE, "python"):
        Path(block.splitlines()[0].removeprefix("# ")).write_text(block)


def test_the_attack_keeps_the_contract(project, iqabench):
    exec(Path("check_my_attack.py").read_text(), {})


def test_the_command_runs_and_keeps_the_scores(project, iqabench):
    (arguments,) = commands("\n".join(blocks(PAGE)), "run")
    iqabench(*arguments, exits=0)
    cells = [pd.read_parquet(path) for path in Path("results/cells").rglob("*.parquet")]
    assert len(cells) == 3
    assert "small_steps" in iqabench("results", "--format", "csv").output


def test_the_keys_are_parameters_of_the_attack(project, iqabench):
    assert tomllib.loads(blocks(PAGE, "toml")[0]) == {"attacks": {"small_steps": {"steps": 8}}}
    Path("bench.toml").write_text(TINY + blocks(PAGE, "toml")[0])
    iqabench("config", exits=0)
