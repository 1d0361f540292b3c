"""docs/ci.md works as written: its commands run in a user's project, and its workflow runs the same ones."""

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import save_file

from iqabench.models import create_model

from .pages import blocks, commands, page_of

PAGE = page_of("ci.md")


@pytest.fixture
def workflow():
    yaml = pytest.importorskip("yaml")
    (text,) = blocks(PAGE, "yaml")
    return yaml.safe_load(text)


@pytest.fixture
def project(tmp_path, monkeypatch, iqabench, drawn_database, tiny_plugin):
    """A user's project as the page assumes it: plugin, weights, images with scores, and its `bench.toml`."""
    monkeypatch.chdir(tmp_path)
    drawn_database.rename("quality.csv")
    Path("my_model.py").write_text(tiny_plugin.read_text().replace('"tiny"', '"mine"'))
    assert iqabench("list", "models", "--plugin", "my_model.py").exit_code == 0
    write_weights(seed=0)
    page = blocks(PAGE, "toml")[0]
    assert "image_size = 96" in page
    Path("bench.toml").write_text(page.replace("image_size = 96", "image_size = 24"))
    return tmp_path


def write_weights(seed):
    torch.manual_seed(seed)
    save_file(create_model("mine").state_dict(), "mine.safetensors")


def test_the_commands_and_the_workflow_run_as_written_and_a_change_of_the_model_fails(
    project, iqabench, workflow
):
    pinning, checking, of_paper = blocks(PAGE, "sh")
    for arguments in commands(pinning):
        iqabench(*arguments, exits=0)
    assert len(json.loads(Path("robustness.json").read_text())) == 3

    steps = [step["run"] for step in workflow["jobs"]["robustness"]["steps"] if "run" in step]
    in_workflow = [arguments for step in steps for arguments in commands(step)]
    assert [arguments[0] for arguments in in_workflow] == ["run", "check"]
    for arguments in [*in_workflow, *commands(checking)]:
        iqabench(*arguments, exits=0)
    (suite,) = ElementTree.parse("robustness.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("11", "0")

    for arguments in commands(of_paper):
        done = iqabench(*arguments, exits=2)
        assert done.output.startswith(("Nothing to compare", "45 claims of the paper: true 0, false 0")), (
            done.output
        )

    write_weights(seed=1)
    outcomes = [iqabench(*arguments) for arguments in in_workflow]
    assert [done.exit_code for done in outcomes] == [0, 1], outcomes[1].output
    assert "weights" in outcomes[1].output


def test_the_workflow_is_one_that_github_reads(workflow):
    assert set(workflow) == {"name", True, "jobs"}  # YAML 1.1 reads the key `on` as true
    assert workflow[True] == ["push", "pull_request"]
    (job,) = workflow["jobs"].values()
    assert job["runs-on"]
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/checkout@v4"))
    artifact = job["steps"][-1]["with"]["path"].split()
    assert artifact == ["robustness.xml", "results/"]


def test_the_defaults_it_states_are_those_of_the_package():
    from iqabench import load_settings

    (text,) = blocks(PAGE, "toml")
    assert tomllib.loads(text)["check"] == load_settings().check.model_dump()
