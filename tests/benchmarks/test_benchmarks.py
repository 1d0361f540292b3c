"""Every benchmark still starts, runs to its end at a tiny size, and says what it measured."""

import importlib
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

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
    "mask": ("--batch-size 1 --image-size 32 --rounds 1", "every block"),
    "photographs": ("--config CONFIG --models resnet --patches 2 --side 64", "brisque"),
    "progress": ("--config CONFIG", "of the true time left"),
    "pyiqa_metrics": ("--metrics cnniqa", "cnniqa"),
    "report": ("--cells 12 --images 20 --format csv --warm", "csv"),
    "stem": ("--rounds 1 --images 1", "ViT"),
    "store": ("--cells 12 --images 20", "results again: 12 cells"),
    "scale": ("array --workers 2 --cells 8 --seconds 0.1", "of their time is lost"),
    "sweep": ("--images 30 --config CONFIG", "memory: 30 images"),
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
    """Let a benchmark run `iqabench` and itself here: a process takes longer to start than a tiny size."""
    start = subprocess.run

    def run(command, *, cwd=".", **options):
        if command[1:3] == ["-m", "iqabench"]:
            with monkeypatch.context() as patch:
                patch.chdir(cwd)
                done = iqabench(*command[3:])
        elif Path(command[1]).parent == FOLDER:
            module = importlib.import_module(f"iqabench.benchmarks.{Path(command[1]).stem}")
            done = CliRunner().invoke(module.main, command[2:])
        else:
            return start(command, **options)
        assert done.exit_code == 0, done.output
        return done

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.usefixtures("in_this_process")
def test_a_benchmark_runs_to_its_end(name, tmp_path, drawn_database, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for the processes that it starts
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG.replace("drawn.csv", str(drawn_database)))
    arguments, printed = TINY[name]
    module = importlib.import_module(f"iqabench.benchmarks.{name}")
    call = partial(CliRunner().invoke, module.main, arguments.replace("CONFIG", str(config)).split())
    if name == "leaderboard":
        pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
        with ThreadPoolExecutor(1) as pool:  # a second browser in one thread is refused by Playwright
            done = pool.submit(call).result()
    else:
        done = call()
    assert done.exit_code == 0, (done.output, done.exception)
    assert printed in done.output
