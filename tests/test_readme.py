"""The README says what is true: its commands run as written, and its links lead somewhere."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import torch

from iqabench.bench.cli.main import main
from iqabench.bench.core import registry
from iqabench.examples.drawn import draw

from .pages import ROOT, blocks, commands

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TINY = """
[run]
image_size = 32
epsilons = [1]

[datasets.synthetic]
adapter = "csv"
root = "scores.csv"

[profiles.demo.attacks.auto]
budget = "quick"
"""
NETWORK = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Conv2d(3, 4, 5, stride=2)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, images):
        return 100 * torch.sigmoid(self.head(self.features(images).tanh().mean((2, 3))))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder as the README assumes it: images with scores, a network, its checkpoint, `bench.toml`."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path, scenes=8)
    Path("net.py").write_text(NETWORK)
    torch.manual_seed(0)
    torch.save(registry.by_path("net.py:Net")().state_dict(), "best.pth")
    (tables,) = blocks(README, "toml")
    Path("bench.toml").write_text(tables + TINY)


def test_every_command_runs_as_written(project, iqabench):
    asked = commands("\n".join(blocks(README)))
    named = {arguments[0] for arguments in asked}
    assert named == {"audit", "check", "leaderboard", "report", "results", "run"}
    for arguments in asked:
        done = iqabench(*arguments)
        doubtful = arguments[0] == "audit" and done.exit_code == 1  # of a network that nobody trained
        assert done.exit_code == 0 or doubtful, f"{arguments}: {done.output}"
    assert Path("report/report.html").is_file()
    assert Path("site/index.html").is_file()


def test_what_it_installs_are_extras_and_what_it_asks_of_uv_are_options():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    lines = re.findall(r"^(?:uv )?pip install .*$", README, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        for word in shlex.split(line, comments=True)[1:]:
            assert set(re.findall(r"\[(.*)\]", word)) <= set(extras)
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        pytest.skip("uv is not installed, by which `make` installs")
    known = subprocess.run(
        [uv, "pip", "install", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(option in known for line in lines for option in re.findall(r"--[\w-]+", line))


def test_commands_within_sentences_and_in_docker_are_understood():
    named = re.findall(r"`iqabench ([^`]*)`", README)
    assert "doctor" in named
    assert [reason for line in named if (reason := refusal(line))] == []
    recipe = (ROOT / "Dockerfile").read_text()
    assert (
        re.findall(r"--build-arg (\w+)=", README) == re.findall(r"^ARG (TORCH)\b", recipe, re.MULTILINE)[:1]
    )
    assert re.search(r'^ENTRYPOINT \[".*iqabench"\]$', recipe, re.MULTILINE)
    assert re.search(r"^WORKDIR /work$", recipe, re.MULTILINE)


def refusal(line):
    """Return why `iqabench` does not understand a line, or None. Files that it names need not exist."""
    command, arguments = main, shlex.split(line, comments=True)
    try:
        while isinstance(command, click.Group):
            command = command.commands[arguments.pop(0)]
        command.make_context(line, arguments)
    except KeyError as unknown:
        return f"{line}: no command {unknown}"
    except click.UsageError as error:
        return None if error.message.endswith("does not exist.") else f"{line}: {error.message}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_every_page_is_understood(page):
    found = re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^iqabench (.*)$", "\n".join(found), re.MULTILINE)
    assert [reason for line in lines if (reason := refusal(line))] == []


@pytest.mark.parametrize("line", ["runn --models resnet", "run --modles resnet", "run --workers none"])
def test_a_command_that_is_not_understood_would_be_found(line):
    assert line in refusal(line)


def test_every_target_of_make_exists():
    named = set(re.findall(r"^make (\w+)", README, re.MULTILINE)) | set(re.findall(r"`make (\w+)`", README))
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named == {"demo", "test", "docs"}
    assert named <= set(targets)


def test_every_extra_is_listed():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    first = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", README, re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(first))) == sorted(extras)


def test_installation_comes_before_the_metrics_and_the_page_is_short():
    assert README.index("pip install") < README.index("iqabench run")
    assert README.index("## Install") < README.index("## Your metric")
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
