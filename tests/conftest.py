"""What many tests need: a drawn database of a few dozen images, and a model small enough for it."""

import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from PIL import Image

from iqabench.bench.cli.main import main
from iqabench.bench.core.process import prepare_process

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a test that wants weights from a hub must fail at once
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores; threads of theirs would only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")
prepare_process()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is alone with it in the end."""
    items.sort(key=lambda item: item.path.name not in ("test_cluster.py", "test_pin.py"))


def pytest_collection_finish() -> None:
    """Let Python look for garbage less often, and never among modules: it took a tenth of the tests' time."""
    gc.freeze()
    gc.set_threshold(10_000)


TINY_PLUGIN = '''
"""A quality model of a few hundred weights, as a user would write one."""
import torch
from torch import nn
import iqabench


@iqabench.register_model("tiny")
class Tiny(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, 1)

    def forward(self, images):
        pooled = self.features(images - 0.5).mean(dim=(2, 3))
        return torch.sigmoid(self.head(pooled)).squeeze(1)
'''

TINY_CONFIG = """
[run]
models = ["tiny"]
attacks = ["fgsm", "pgd"]
epsilons = [1, 4]
image_size = 24
batch_size = 2
device = "cpu"
workers = 1

[training]
epochs = 3
batch_size = 4
learning_rate = 1e-2
pretrained = false

[attacks.pgd]
steps = 2
"""


def draw_database(folder: Path) -> Path:
    """Draw 40 images, 8 scenes x 5 levels of noise, and write their CSV; less noise has the higher score."""
    (folder / "images").mkdir(exist_ok=True)
    for path, content in _database().items():
        (folder / path).write_bytes(content)
    return folder / "drawn.csv"


@cache
def _database() -> dict[str, bytes]:
    """Return the content of each file."""
    generator = np.random.default_rng(0)
    rows, files = [], {}
    for scene in range(8):
        base = generator.integers(60, 196, (1, 1, 3))
        for level in range(5):
            noisy = base + generator.normal(0, 6 + 12 * level, (26, 30, 3))
            path, image = f"images/scene{scene}_{level}.png", io.BytesIO()
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(image, "png")
            files[path] = image.getvalue()
            rows.append({"path": path, "score": 1 - level / 4, "scene": f"s{scene}", "distortion": "noise"})
    return files | {"drawn.csv": pd.DataFrame(rows).to_csv(index=False).encode()}


def forget_plugins(patch: pytest.MonkeyPatch) -> None:
    """Forget what plugins registered; what is registered from now on is forgotten with the patch."""
    from iqabench.bench.core import registry

    for kind in registry._PLUGINS:
        patch.setitem(registry._PLUGINS, kind, {})


def run_in(folder: Path, *commands: str, tables: str = "") -> Path:
    """Run commands in a folder with the drawn database and the tiny model; several tests may share it."""
    (folder / "tiny.toml").write_text(TINY_CONFIG + tables)
    (folder / "plugin.py").write_text(TINY_PLUGIN)
    draw_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        forget_plugins(patch)
        patch.chdir(folder)
        for command in commands:
            done = CliRunner().invoke(main, command.split())
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return the folder of a name, which one of the processes that run tests fills; not to be changed."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        made = shared / f"made-once-{name}"
        with FileLock(f"{made}.lock"):
            if not made.exists():
                part = made.with_suffix(".part")
                shutil.rmtree(part, ignore_errors=True)  # of a process that failed
                part.mkdir()
                fill(part)
                part.rename(made)
        return made

    return folder


@pytest.fixture
def drawn_database(tmp_path: Path) -> Path:
    """A CSV of 40 drawn images; see `draw_database`."""
    return draw_database(tmp_path)


@pytest.fixture
def tiny_plugin(tmp_path: Path) -> Path:
    """A plugin file that registers the model `tiny`."""
    path = tmp_path / "tiny_plugin.py"
    path.write_text(TINY_PLUGIN)
    return path


@pytest.fixture
def tiny_config(tmp_path: Path) -> Path:
    """A configuration for a sweep of `tiny` that takes a second."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_CONFIG)
    return path


@pytest.fixture
def tiny_sweep(drawn_database: Path, tiny_plugin: Path, tiny_config: Path) -> list[str]:
    """The options of `iqabench run` for the drawn database and the tiny model."""
    return ["--config", str(tiny_config), "--plugin", str(tiny_plugin), "--datasets", str(drawn_database)]


@pytest.fixture
def iqabench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `iqabench` to its end in this process; what it registers is forgotten after the test.

    Where a test states the exit status, another one fails it, and shows what the command said.
    """
    forget_plugins(monkeypatch)

    def run(*arguments: str, exits: int | None = None) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        assert exits in (None, result.exit_code), result.output
        return result

    return run


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Let this machine have instructions for bfloat16, or have none."""

    def can(able: bool) -> None:
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": able})

    return can


@pytest.fixture
def start_iqabench() -> Callable[..., "subprocess.Popen[str]"]:
    """Start `iqabench` in a process of its own, to be stopped or waited for."""

    def start(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "iqabench", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Who started the tests may have told them to ignore Ctrl-C, as a shell does in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return start


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium, through Playwright."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium to open the page in: `apt-get install chromium`")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context_of(chromium: Any) -> Callable[..., Any]:
    """Return the Playwright context of some options; tests share it, since a new one costs half a second."""
    contexts: dict[str, Any] = {}

    def context(**options: Any) -> Any:
        key = json.dumps(options, sort_keys=True)
        if key not in contexts:
            contexts[key] = chromium.new_context(**options)
            contexts[key].new_page()  # without one that stays open, each new page starts processes anew
        return contexts[key]

    return context


@pytest.fixture
def open_page(context_of: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Open a file in Chromium as a reader would; after the test, what the page complained of fails it.

    Takes the file and options of a Playwright context, such as `color_scheme="dark"`, and returns the
    Playwright page. Refused is any request but for files of the page's own folder.
    """
    pages, complaints = [], []

    def opened(path: Path, **options: Any) -> Any:
        page = context_of(**options).new_page()
        pages.append(page)
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        own = (path.parent.resolve().as_uri(), "blob:")
        page.on("request", lambda sent: complaints.extend({sent.url} if not sent.url.startswith(own) else ()))
        page.goto(path.resolve().as_uri())
        return page

    yield opened
    for page in pages:
        page.close()
    assert not complaints
