"""The files for GitHub and for who cites the project parse, and agree with the rest of the repository."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from iqabench.bench.cli.main import main
from iqabench.bench.core.configuration.tables import RunSettings
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
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for step in steps:
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


def test_the_workflow_tries_wheel_and_sdist_as_a_user_does(workflow, tmp_path):
    job = workflow["jobs"]["package"]
    assert job["strategy"]["matrix"]["form"] == ["whl", "tar.gz"]
    commands = re.findall(r"bin/iqabench (.*)", job["steps"][-1]["run"])
    tried = [command.split()[0] for command in commands]  # the first names the extra that it lacks
    assert tried == ["run", "run", "report", "check", "check", "leaderboard"]


def test_the_container_installs_what_the_lock_holds_but_torch_with_cuda():
    """The image for CPUs leaves out torch and what it brings for GPUs, and nothing else."""
    lock, recipe = (ROOT / "requirements.lock").read_text(), (ROOT / "Dockerfile").read_text()
    (program,) = re.findall(r"awk '(.*?)'", recipe)
    kept = subprocess.run(["awk", program], input=lock, capture_output=True, text=True, check=True).stdout
    named = [re.match(r"[a-z0-9._-]+", line)[0] for line in lock.splitlines() if line[:1].isalnum()]
    left = [re.match(r"[a-z0-9._-]+", line)[0] for line in kept.splitlines() if line[:1].isalnum()]
    gone = {name for name in named if name not in left}
    assert {"torch", "torchvision", "triton"} <= gone
    assert all(re.match(r"(torch|torchvision|triton|nvidia-.*|cuda-.*)$", name) for name in gone)
    assert kept.count("--hash=") > 500
    (pattern,) = re.findall(r"sed -nE 's/(.*?)/\\1/p' requirements.lock", recipe)
    assert [found[0] for found in re.findall(pattern, lock, re.MULTILINE)] == [
        line.split(" ;")[0] for line in lock.splitlines() if re.match(r"torch(vision)?==", line)
    ]


def test_what_the_security_policy_names_exists():
    text = (ROOT / "SECURITY.md").read_text()
    assert (ROOT / "tests/fuzz").is_dir()
    assert "`tests/fuzz`" in text
    options = {option for command in main.commands.values() for one in command.params for option in one.opts}
    assert set(re.findall(r"`(--\w+)", text)) == {"--plugin"}
    assert "--plugin" in options
    assert "max_megapixels" in RunSettings.model_fields


def test_releases_in_the_changelog_are_versions_newest_first_and_end_with_this_one():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    releases = [re.fullmatch(r"(\d+\.\d+\.\d+) – \d{4}-\d{2}-\d{2}", heading)[1] for heading in headings[1:]]
    assert releases == sorted(releases, key=lambda text: [*map(int, text.split("."))], reverse=True)
