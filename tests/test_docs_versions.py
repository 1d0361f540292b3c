"""The documentation of every release stays, under its version, and visitors are led to the newest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")
pytest.importorskip("material", reason="the extra `docs` is not installed")
pytest.importorskip("mike", reason="the extra `docs` is not installed")

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / ".github" / "scripts" / "docs.sh"


def run(*command, cwd):
    """Run a command with the programs of this environment, and return what it prints."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = {"GIT_CONFIG_GLOBAL": str(cwd / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1", "PATH": programs}
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | here | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def repository(tmp_path):
    """A repository whose documentation is one page, configured as that of this one."""
    parts = ("hooks", "plugins", "markdown_extensions", "extra_css", "extra_javascript")
    own = {"INHERIT": str(ROOT / "mkdocs.yml"), "nav": ["index.md"], **{name: [] for name in parts}}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# One page\n")
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(own))
    (tmp_path / "gitconfig").write_text("[user]\nname = Tester\nemail = tester@example.org\n")
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=tmp_path)
    run("git", "add", "docs", "mkdocs.yml", cwd=tmp_path)
    run("git", "commit", "--quiet", "--message", "One page", cwd=tmp_path)
    return tmp_path


def published(repository, path):
    return run("git", "show", f"gh-pages:{path}", cwd=repository)


def test_main_and_each_tag_have_a_version_in_the_selector(repository):
    run(str(SCRIPT), "main", cwd=repository)
    (version,) = json.loads(published(repository, "versions.json"))
    assert version == {"version": "dev", "title": "dev", "aliases": []}
    assert '"dev/"' in published(repository, "index.html")

    for tag in ("v1.2.0", "v1.1.5"):  # a correction of an older release comes after the newest
        run("git", "tag", tag, cwd=repository)
        run(str(SCRIPT), tag, cwd=repository)
    versions = json.loads(published(repository, "versions.json"))
    aliases = [(one["version"], one["aliases"]) for one in versions]
    assert aliases == [("dev", []), ("1.2.0", ["latest"]), ("1.1.5", [])]
    assert '"latest/"' in published(repository, "index.html")
    assert '"version": {"provider": "mike"}' in published(repository, "1.2.0/index.html")


def test_the_workflow_publishes_main_and_tags_by_this_script():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text())
    pushed = workflow[True]["push"]  # YAML 1.1 reads the key `on` as true
    assert pushed == {"branches": ["main"], "tags": ["v*"]}
    steps = workflow["jobs"]["build"]["steps"]
    assert any(f'{SCRIPT.relative_to(ROOT)} "$GITHUB_REF_NAME"' in step.get("run", "") for step in steps)
    assert os.access(SCRIPT, os.X_OK)
