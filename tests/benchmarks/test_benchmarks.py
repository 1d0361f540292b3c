"""Every benchmark still starts, runs to its end at a tiny size, and says what it measured."""

import importlib
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

FOLDER = Path(__file__).resolve().parent.parent.parent / "benchmarks"

# Arguments, and a word of what is printed. CONFIG stands for a file with `CONFIG` in it.
TINY = {
    "attacks": ("--batch-size 2 --image-size 32 --rounds 1", "PGD-10"),
    "auto": (
        "--config CONFIG --models resnet --images 3 --epsilons 4 --attacks pgd,mifgsm,auto-quick",
        "auto-quick",
    ),
    "cpu": ("--batch-size 1 --rounds 1 --company alone", "threads give way"),
    "gpu": (
        "--device cpu --backbone test_resnet --batch-sizes 1 --image-size 32 --side 8 --rounds 1 "
        "--no-compile",
        "auto, quick",
    ),
    "gradients": (
        "--device cpu --backbone resnet18 --batch-size 2 --image-size 32 --rounds 1",
        "channels apart, folded, any kernels",
    ),
    "intervals": ("--images 30", "worst SROCC"),
    "leaderboard": ("--models 8", "another database"),
    "mask": ("--backbone resnet18 --batch-size 1 --image-size 32 --rounds 1", "every block"),
    "photographs": ("--config CONFIG --models resnet --patches 2 --side 64", "brisque"),
    "progress": ("--config CONFIG", "of the true time left"),
    "pyiqa_metrics": ("--metrics cnniqa", "cnniqa"),
    "report": ("--cells 12 --images 20 --format csv --warm", "csv"),
    "stem": ("--rounds 1 --images 1", "ViT"),
    "store": ("--cells 12 --images 20", "results again: 12 cells"),
    "scale": ("array --workers 2 --cells 8 --seconds 0.1", "of their time is lost"),
    "sweep": ("--images 18 --rounds 1 --config CONFIG", "memory: 18 images"),
    "together": (
        "--device cpu --backbone test_resnet --batch-size 1 --image-size 32 --workers 1 --seconds 0.1",
        "1 processes",
    ),
    "training": ("--batch-size 2 --rounds 1", "local_linearity"),
}
CONFIG = """
[run]
datasets = ["drawn.csv"]
models = ["resnet"]
attacks = ["fgsm", "noise"]
image_size = 24

[training]
epochs = 1
batch_size = 4

[models.resnet]
backbone_args = { layers = [1, 1, 1, 1], channels = [4, 8, 8, 8] }
"""


def test_each_benchmark_has_a_tiny_size():
    commands = {path.stem for path in FOLDER.glob("*.py") if "\ndef main(" in path.read_text()}
    assert set(TINY) == commands, "give the new benchmark a row in TINY"


@pytest.fixture
def in_this_process(iqabench, monkeypatch):
    """Let a benchmark run `iqabench` and itself here: a process takes longer to start than a tiny size.

    Returned is what runs a command.
    """
    start = subprocess.run

    def run(command, *, cwd=".", env=None, stdin=None, **options):
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            if command[1:3] == ["-m", "iqabench"]:
                done = iqabench(*command[3:])
            elif command[1] == "-c":
                done = CliRunner().invoke(script, command[2:])
            elif Path(command[1]).resolve().parent == FOLDER:
                module = importlib.import_module(f"iqabench.benchmarks.{Path(command[1]).stem}")
                done = CliRunner().invoke(module.main, command[2:], input=stdin)
            else:
                return start(command, cwd=cwd, env=env, **options)
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    monkeypatch.setattr(subprocess, "run", run)
    return run


@click.command()
@click.argument("code")
@click.argument("arguments", nargs=-1)
def script(code, arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["-c", *arguments])
        exec(code, {"__name__": "__main__"})


class Started:
    """A command that has run to its end, in place of its process; told to go on by an empty line."""

    def __init__(self, run, command, **options):
        done = run(command, **{**options, "stdin": "\n"})
        self.stdin, self.stdout = io.StringIO(), io.StringIO(done.stdout)

    def wait(self):
        return 0

    def communicate(self):
        return self.stdout.read(), None


@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_runs_to_its_end(name, tmp_path, drawn_database, in_this_process, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for the processes that it starts
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG.replace("drawn.csv", str(drawn_database)))
    arguments, printed = TINY[name]
    module = importlib.import_module(f"iqabench.benchmarks.{name}")
    if name in ("scale", "together"):
        started = partial(Started, in_this_process)
        pipes = {"PIPE": subprocess.PIPE, "DEVNULL": subprocess.DEVNULL}
        monkeypatch.setattr(module, "subprocess", SimpleNamespace(Popen=started, **pipes))
    call = partial(CliRunner().invoke, module.main, arguments.replace("CONFIG", str(config)).split())
    if name == "leaderboard":
        pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
        with ThreadPoolExecutor(1) as pool:  # a second browser in one thread is refused by Playwright
            done = pool.submit(call).result()
    else:
        done = call()
    assert done.exit_code == 0, (done.output, done.exception)
    assert printed in done.output
