"""Wheel and sdist hold all that a user needs: installed by pip outside the repository, the commands work."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from iqabench.bench.store.store import Store

from ..fabricated import drawn_auto, drawn_cell

ROOT = Path(__file__).resolve().parents[2]


def succeeded(*command, cwd, **variables):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env=os.environ | {"PYTHONSAFEPATH": "1"} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist of the files that git knows, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git repository")
    for name in listed.stdout.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    build = "import setuptools.build_meta as b; print(b.build_{}({!r}))"
    name = succeeded("-c", build.format("sdist", str(folder)), cwd=source).splitlines()[-1]
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    wheel = succeeded("-c", build.format("wheel", str(folder)), cwd=unpacked).splitlines()[-1]
    return folder / name, folder / wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A folder with the package as pip unpacks the wheel; its dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(folder)
    return folder


def test_the_wheel_holds_every_module_and_every_file_that_the_package_reads(installed):
    expected = {
        path.relative_to(ROOT)
        for room in ("bench", "models", "attacks", "reports")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {path.relative_to(installed / "iqabench") for path in (installed / "iqabench").rglob("*")}
    assert {str(path) for path in expected - found} == set()
    assert not any(path.parts[0] == "tests" for path in found)


def test_commands_work_outside_the_repository_and_run_names_the_extra_that_it_lacks(installed, tmp_path):
    store = Store(tmp_path / "results")
    drawn_cell(store, model="resnet")
    drawn_auto(store, "resnet", 1.0)
    commands = [
        ["report"],
        ["check", "--pin", "pinned.json"],
        ["check", "--against", "pinned.json"],
        ["leaderboard", "--out", "site"],
    ]
    program = (
        "import sys\nimport iqabench\nfrom click.testing import CliRunner\n"
        "from iqabench.bench.cli.main import main\n"
        f"for command in {commands!r}:\n"
        "    done = CliRunner().invoke(main, command)\n"
        "    assert done.exit_code == 0, done.output\n"
        "print(iqabench.__file__)\n"
        "sys.modules |= {'pyiqa': None, 'skimage': None}\n"
        "done = CliRunner().invoke(main, ['run', '--models', 'brisque', '--attacks', 'fgsm'])\n"
        "print(done.exit_code, done.output)"
    )
    where, _, said = succeeded(
        "-c", program, cwd=tmp_path, PYTHONPATH=str(installed), XDG_CACHE_HOME=str(tmp_path)
    ).partition("\n")
    assert Path(where).is_relative_to(installed)
    assert (tmp_path / "report" / "report.html").is_file()
    assert (tmp_path / "site" / "index.html").is_file()
    assert said.startswith("2 Error: packaged bench.toml: [datasets.synthetic]: ")
    assert 'pip install "iqabench[synthetic]"' in said
