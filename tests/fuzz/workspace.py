"""A folder with one honest file of every kind that iqabench reads, and the commands that read them."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from click.testing import CliRunner, Result
from PIL import Image
from scipy.io import savemat

from iqabench.bench.cli.main import main
from iqabench.bench.core import registry
from iqabench.bench.core.config import Settings, load_settings
from iqabench.bench.core.errors import UserError
from iqabench.bench.store.listing import index
from iqabench.bench.sweep.measuring.partial import Partial
from iqabench.bench.training.snapshot import Snapshot

PLUGIN = """
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


@iqabench.register_model("other")
class Other(Tiny):
    pass
"""

CONFIG = """
profile = "mine"

[run]
datasets = ["drawn.csv"]
models = ["tiny"]
attacks = ["fgsm"]
epsilons = [1]
image_size = 16
batch_size = 4
device = "cpu"

[training]
epochs = 2
batch_size = 4
learning_rate = 1e-2
pretrained = false

[profiles.mine]
extends = "base"
run.limit = 10

[profiles.base.check]
srocc = 0.1

[datasets.own]
adapter = "csv"
root = "drawn.csv"

[models.tiny]
width = 4

[models.given]
like = "other"
weights = "given.safetensors"

[attacks.pgd]
steps = 2

[attacks.auto]
budget = "quick"

[attacks.auto_l2]
like = "auto"
norm = "l2"
budget = "quick"

[defences.median_smoothing]
samples = 3
"""

ELSEWHERE = """image_name,test_dataset,attack,epsilon,clear,attacked,psnr,ssim,mos
a.png,NIPS,theirs,2,0.5,0.9,30.0,0.8,1.5
b.png,NIPS,theirs,2,0.6,0.9,32.0,0.9,3.5
c.png,NIPS,theirs,2,0.4,0.4,inf,1.0,4.5
"""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        pattern: Of the files, in the workspace.
        commands: That read them.
        without: Patterns of files that are taken away first, so that a command needs those of the kind.
    """

    pattern: str
    commands: tuple[str, ...]
    without: tuple[str, ...] = ()


RUN = "run --config bench.toml --plugin plugin.py"
TABLES = ("results", "results --format json", "report --format csv --out out")
READ = (
    *TABLES,
    "report --out out",
    "report --format latex --out out",
    "report --format markdown --out out",
    "check",
    "check --claims --json",
    "check --pin pinned.json",
    "check --against baseline.json --junit junit.xml",
    "leaderboard --results results --out site",
    "entry create --model tiny --out created.toml",
    "compare tiny given",
    "check --certified",
)
IMAGES = f"entry images outside --model tiny --dataset drawn.csv --epsilon 1 {RUN.removeprefix('run ')}"
EXPLAIN = f"explain tiny --beside other --dataset drawn.csv {RUN.removeprefix('run ')}"
VERIFY = f"datasets verify NAME {RUN.removeprefix('run ')}"
CORRUPTIONS = RUN.replace("run", "corruptions", 1)
AUDIT = f"audit tiny --dataset drawn.csv --images 4 {RUN.removeprefix('run ')}"
CERTIFY = f"{RUN.replace('run', 'certify', 1)} --radii 1 --draws 100"
IMPORT = "import elsewhere.csv --model theirs --source Somebody --labels 1,5 --results imported"
BUCKET = "local://bucket"

KINDS = {
    "configuration": Kind(
        "bench.toml",
        (
            RUN.replace("run", "config", 1),
            RUN,
            f"{RUN.replace('run', 'train', 1)}",
            VERIFY.replace("NAME", "own"),
            "check --config bench.toml",
            f"{EXPLAIN}",
        ),
    ),
    "plugins": Kind("plugin.py", ("list models --plugin plugin.py", RUN, AUDIT, CERTIFY)),
    "labels": Kind("drawn.csv", (VERIFY.replace("NAME", "drawn.csv"), RUN, CORRUPTIONS)),
    "scores from elsewhere": Kind("elsewhere.csv", (IMPORT,)),
    "MATLAB labels": Kind(
        "*/*.mat",
        (
            "datasets verify live --config databases.toml",
            "datasets verify livec --config databases.toml",
        ),
    ),
    "owners' labels": Kind(
        "[kv]*/*.[ctx]*",
        (
            "datasets verify koniq --config databases.toml",
            "datasets verify vcl --config databases.toml",
        ),
    ),
    "images": Kind("images/scene[012]*.*", (VERIFY.replace("NAME", "drawn.csv"), RUN), ("results/cache/*",)),
    "images from outside": Kind("outside/*.png", (IMAGES,)),
    "cells": Kind("results/cells/**/*.parquet", (*READ, RUN)),
    "certificates": Kind("results/certificates/**/*.parquet", ("check --certified", CERTIFY)),
    "bounds": Kind("results/bounds/**/*.parquet", ("check --certified", f"{CERTIFY} --norm linf")),
    "the index of cells": Kind("results/cache/cells.index", TABLES),
    "a bucket": Kind(
        "bucket/**/*.*", tuple(f"{read} --results {BUCKET}" for read in (*TABLES, "compare tiny given"))
    ),
    "copies of a bucket": Kind("stores/**/*.*", (f"results --results {BUCKET}", f"{RUN} --results {BUCKET}")),
    "cards": Kind(
        "results/checkpoints/**/*.json", (RUN, RUN.replace("run", "train", 1), EXPLAIN), ("results/cells",)
    ),
    "weights": Kind(
        "results/checkpoints/**/*.safetensors",
        (RUN, EXPLAIN, AUDIT, f"{CERTIFY} --norm linf", "entry create --model tiny --out created.toml"),
        ("results/cells/drawn/tiny/fgsm*",),
    ),
    "given weights": Kind("given.safetensors", (f"{RUN} --models given",)),
    "snapshots": Kind("results/checkpoints/**/*.training", (RUN,), ("results/checkpoints/**/*.[js]*",)),
    "partials": Kind("results/partial/*/*", (RUN,), ("results/cells",)),
    "splits": Kind("results/splits/*", (RUN, VERIFY.replace("NAME", "drawn.csv"))),
    "pixel index": Kind("results/cache/*.json", (RUN,), ("results/cells",)),
    "pixels": Kind("results/cache/*.pixels", (RUN,), ("results/cells",)),
    "kept metrics": Kind("results/cache/metrics.parquet", TABLES),
    "explanations": Kind("results/explain/**/*.npz", ("report --out out", "report --format csv --out out")),
    "entries": Kind(
        "entry/*.toml", ("entry verify entry/entry.toml", "leaderboard --entries entry --out site")
    ),
    "scores of entries": Kind(
        "entry/**/*.parquet", ("entry verify entry/entry.toml", "leaderboard --entries entry --out site")
    ),
    "baselines": Kind(
        "baseline.json", ("check --against baseline.json", "check --against baseline.json --json")
    ),
}


class Workspace:
    """A folder that is restored before each call, in which commands run.

    Args:
        root: Where it is. Nothing may be there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root / "work"
        self._honest = root / "honest"
        self.root.mkdir(parents=True)
        self._seconds: dict[str, float] = {}
        with self.entered():
            _build()
            self.invoke(["report", "--format", "csv", "--out", "out"])
            self._sweep = _sweep(load_settings(Path("bench.toml")))
        shutil.copytree(self.root, self._honest, symlinks=True)

    def restore(self, kind: Kind) -> list[Path]:
        """Make the folder what it was, without what the kind does without; return the files of the kind."""
        shutil.rmtree(self.root)
        shutil.copytree(self._honest, self.root, symlinks=True)
        for pattern in kind.without:
            for path in sorted(self.root.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        files = sorted(path for path in self.root.glob(kind.pattern) if path.is_file())
        assert files, kind
        return files

    def honest_seconds(self, command: str, kind: Kind) -> float:
        """Return how long a command takes where nothing is damaged."""
        key = f"{command} {kind}"
        if key not in self._seconds:
            self.restore(kind)
            started = time.monotonic()
            with self.entered():
                result = self.invoke(command.split())
            nothing_to_compare = command.startswith("check") and "Error" not in result.stderr
            assert result.exit_code < 2 or nothing_to_compare, result.output
            self._seconds[key] = time.monotonic() - started
        return self._seconds[key]

    def asks_for_other_work(self) -> bool:
        """Return whether the configuration is valid and asks for another sweep, which may take any time."""
        with self.entered():
            try:
                found = load_settings(Path("bench.toml"))
            except UserError:
                return False
        return _sweep(found) != self._sweep

    def invoke(self, command: list[str]) -> Result:
        """Run a command."""
        for registered in registry._PLUGINS.values():
            registered.clear()
        return CliRunner().invoke(main, command)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in the folder."""
        before = Path.cwd()
        os.chdir(self.root)
        try:
            with (
                mock.patch.dict(os.environ, {"IQABENCH_STORES": "stores"}),
                mock.patch.object(index, "INDEXED_FROM", 0),  # so that a small store has one
            ):
                yield
        finally:
            os.chdir(before)


def _sweep(settings: Settings) -> tuple[object, ...]:
    return settings.run, settings.training, settings.models, settings.attacks, settings.grid


def _build() -> None:
    Path("plugin.py").write_text(PLUGIN)
    Path("bench.toml").write_text(CONFIG)
    _draw_images()
    _draw_databases()
    runner = CliRunner()

    def done(command: str) -> None:
        for registered in registry._PLUGINS.values():
            registered.clear()
        result = runner.invoke(main, command.split())
        assert result.exit_code in (0, 1), (command, result.output, result.exception)

    with _leaving_everything():
        done(RUN)
        done(f"{RUN} --attacks auto --epsilons 1,2")
    done(f"{EXPLAIN}")
    weights = sorted(Path("results/checkpoints").rglob("other*.safetensors"))[0]
    shutil.copy(weights, "given.safetensors")
    done(f"{RUN} --models given")
    done(f"{RUN} --save-images saved --results other")
    outside = Path("outside")
    outside.mkdir()
    for file in sorted(Path("saved").rglob("*.png"))[:3]:
        shutil.copy(file, outside / file.name)
    shutil.rmtree("saved")
    shutil.rmtree("other")
    done(f"{CERTIFY}")
    done(f"{CERTIFY} --norm linf")
    done(f"{RUN} --defences median_smoothing --attacks auto_l2")
    Path("elsewhere.csv").write_text(ELSEWHERE)
    done(IMPORT)
    shutil.copytree("results", "bucket", ignore=shutil.ignore_patterns("partial", "*.training"))
    done(f"results --results {BUCKET}")
    with mock.patch.object(index, "is_settled"):
        done("results")
    done("check --pin baseline.json")
    Path("entry").mkdir()
    done("entry create --model tiny --out entry/entry.toml")


@contextmanager
def _leaving_everything() -> Iterator[None]:
    """Leave snapshots and partial files behind, as a killed sweep does."""
    unlink: Callable[..., None] = Path.unlink

    def keep_snapshots(path: Path, missing_ok: bool = False) -> None:
        if path.suffix not in (".training", ".partial", ".ends"):
            unlink(path, missing_ok=missing_ok)

    def save(self: Snapshot, *arguments: object) -> None:
        self._every = 0.0
        original(self, *arguments)  # type: ignore[arg-type]

    original = Snapshot.save_if_due
    with (
        mock.patch.object(Path, "unlink", keep_snapshots),
        mock.patch.object(Snapshot, "save_if_due", save),
        mock.patch.object(Partial, "save_if_due", Partial.save),
        mock.patch.object(Partial, "discard"),
    ):
        yield


def _draw_images() -> None:
    generator = np.random.default_rng(0)
    formats = (".png", ".bmp", ".jpg", ".gif", ".tif")
    rows = []
    Path("images").mkdir()
    for scene in range(8):
        base = generator.integers(60, 196, (1, 1, 3))
        for level in range(5):
            noisy = base + generator.normal(0, 6 + 12 * level, (18, 20, 3))
            path = f"images/scene{scene}_{level}{formats[level] if scene == 0 else '.png'}"
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path)
            rows.append({"path": path, "score": 1 - level / 4, "scene": f"s{scene}", "distortion": "noise"})
    pd.DataFrame(rows).to_csv("drawn.csv", index=False)


def _draw_databases() -> None:
    """Write label files of the published databases, without the images."""
    for folder in ("live", "livec/Images", "livec/Data", "koniq/1024x768", "vcl/vcl_fer"):
        Path(folder).mkdir(parents=True)
    entries = 982
    names = np.array([f"ref{place % 29}.bmp" for place in range(entries)], dtype=object)
    originals = (np.arange(entries) % 5 == 0).astype(float)
    savemat(
        "live/dmos_realigned.mat",
        {"dmos_new": np.linspace(0, 100, entries), "orgs": originals},
        do_compression=True,
    )
    savemat("live/refnames_all.mat", {"refnames_all": names})
    photographs = np.array([f"{place}.jpg" for place in range(1169)], dtype=object)
    savemat("livec/Data/AllImages_release.mat", {"AllImages_release": photographs})
    savemat("livec/Data/AllMOS_release.mat", {"AllMOS_release": np.linspace(0, 100, 1169)})
    lines = [
        "image_name,c1,c2,c3,c4,c5,MOS",
        *(f"{place}.jpg,1,2,3,4,5,{1 + place / 10}" for place in range(30)),
    ]
    Path("koniq/koniq10k_scores_and_distributions.csv").write_text("\n".join(lines))
    scores = [
        f"IMG_{scene:02d}_AWGN_{level}\t{20.5 * level}" for scene in range(1, 6) for level in range(1, 5)
    ]
    Path("vcl/scores.txt").write_text("\n".join(["image\tMOS", *scores]))
    tables = [f'[datasets.{name}]\nroot = "{name}"' for name in ("live", "livec", "koniq", "vcl")]
    Path("databases.toml").write_text("\n".join(tables))
