"""The files for GitHub and for who cites the project parse, and agree with the rest of the repository."""

import re
import tomllib
from pathlib import Path

import pytest

from iqabench.bench.cli.main import main
from iqabench.bench.core.version import __version__
from iqabench.reports import published

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parent.parent
CHOOSER = ROOT / ".github/ISSUE_TEMPLATE/config.yml"
FORMS = sorted(set(CHOOSER.parent.glob("*.yml")) - {CHOOSER})


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="module")
def workflow():
    return read(".github/workflows/test.yml")


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_workflow_runs_the_test_command_of_the_readme(workflow):
    commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert commands == ["make test"]
    assert re.search(r"^make test\b", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_workflow_tests_every_python_that_make_looks_for(workflow, project):
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    (searched,) = re.findall(r"for python in python3 (.*?);", (ROOT / "Makefile").read_text())
    assert {f"python{version}" for version in matrix["python"]} == set(searched.split())
    assert project["requires-python"] == f">={matrix['python'][0]}"
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos"}


def test_the_workflow_may_only_read_and_uses_actions_at_a_version(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    for step in workflow["jobs"]["test"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/checkout@v4"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_github_accepts(path):
    form = read(path)
    assert set(form) == {"name", "description", "labels", "body"}
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert asked
    identifiers = [part["id"] for part in asked]
    assert len(set(identifiers)) == len(identifiers)
    for part in asked:
        assert part["type"] in {"input", "textarea", "dropdown", "checkboxes"}
        assert set(part) <= {"type", "id", "attributes", "validations"}
        assert part["attributes"]["label"]
        assert ("options" in part["attributes"]) == (part["type"] in {"dropdown", "checkboxes"})


def test_there_is_a_form_for_each_kind_of_contribution():
    assert {path.stem for path in FORMS} == {"bug", "new_model", "new_attack", "leaderboard_submission"}
    assert set(read(CHOOSER)) == {"blank_issues_enabled"}


@pytest.mark.parametrize("path", [*FORMS, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.stem)
def test_every_command_that_a_form_names_exists(path):
    for words in re.findall(r"`iqabench ((?:[a-z]+ ?)+)", path.read_text()):
        command = main
        for word in words.split():
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, f"iqabench {words}"
            command = command.commands[word]


def test_the_citation_names_this_version_and_the_paper_as_the_package_does(project):
    citation = read("CITATION.cff")
    assert citation["version"] == __version__
    assert citation["license"] == project["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in project["authors"]
    ]
    (cited,) = citation["references"]
    paper = published.citations()["cprl"]
    names = [f"{author['given-names']} {author['family-names']}" for author in cited["authors"]]
    assert (cited["title"], names) == (paper.title, paper.authors)
    assert (cited["year"], cited["doi"], cited["url"]) == (paper.year, paper.doi, paper.url)
