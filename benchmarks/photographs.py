"""Ranks photographs under graded blur and noise by models trained on `synthetic`, at full size and resized.

    python benchmarks/photographs.py
    python benchmarks/photographs.py --profile demo --models dbcnn --results results
    python benchmarks/photographs.py --photographs kodak

The models are trained where the results have no weights of theirs. The photographs are those in
scikit-image's package, at full size, or the five of Kodak's in pyiqa's, of which no model has seen anything.
The SROCC is that of the scores with the grades, over all photographs and as the mean over the photographs
alone; 1 is best.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import click
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from iqabench.bench.core.config import load_settings
from iqabench.bench.datasets.base import Dataset
from iqabench.bench.datasets.framing import FramedPixels, Framing
from iqabench.bench.datasets.pixels import to_float
from iqabench.bench.datasets.synthetic.distortions import DISTORTIONS
from iqabench.bench.datasets.synthetic.photographs import PHOTOGRAPHS, photograph_at_full_size
from iqabench.bench.statistics.metrics import srocc
from iqabench.bench.sweep.patches import PatchMean
from iqabench.bench.sweep.runner import trained_models
from iqabench.models import create_model

GRADES = {"gblur": (0, 0.5, 1, 2, 4, 8), "wn": (0, 6, 12, 25, 50, 100)}
"""Strengths, as the dataset `synthetic` measures them; 0 leaves a photograph as it is."""


def photographs(source: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and pixels of the photographs in a package: "scikit-image" or "kodak"."""
    if source == "scikit-image":
        yield from ((name, photograph_at_full_size(name)) for name in PHOTOGRAPHS)
        return
    calibration = find_spec("ResultsCalibra")  # which pyiqa's package installs
    if calibration is None or not calibration.submodule_search_locations:
        raise click.ClickException("Kodak's photographs are in pyiqa's package, which is not installed")
    for file in sorted((Path(calibration.submodule_search_locations[0]) / "ref_dir").glob("*.bmp")):
        with Image.open(file) as image:
            yield file.stem, np.asarray(image.convert("RGB"))


def graded(folder: Path, source: str, side: int | None) -> Dataset:
    """Write the photographs under all grades; return them as a dataset whose quality falls with the grade.

    Args:
        folder: An empty folder.
        source: See `photographs`.
        side: Cut the photographs to squares of this side from their middle; None: full size.
    """
    rows = []
    for name, pixels in photographs(source):
        if side is not None:
            top, left = ((length - side) // 2 for length in pixels.shape[:2])
            pixels = pixels[top : top + side, left : left + side]
        for kind, strengths in GRADES.items():
            for grade, strength in enumerate(strengths):
                apply = DISTORTIONS[kind].apply
                picture = apply(pixels, strength, np.random.default_rng(0)) if strength else pixels
                path = f"{name}-{kind}-{grade}.png"
                Image.fromarray(picture).save(folder / path, compress_level=1)
                rows.append({"path": path, "scene": name, "distortion": kind, "quality": 1 - grade / 5})
    return Dataset("photographs", folder, pd.DataFrame(rows), 0.0, 1.0, False, 0)


def scores(model: nn.Module, dataset: Dataset, framing: Framing, folder: Path) -> np.ndarray:
    """Return the scores (N,) of a dataset in one framing."""
    if framing.patches:
        model = PatchMean(model, framing.patches)
    pixels = FramedPixels.open(dataset, framing, folder)
    rows, found = pixels.bucketed(np.arange(len(dataset.table))), np.full(len(dataset.table), np.nan)
    for batch in pixels.batches(rows, 4):
        with torch.inference_mode():
            found[rows[batch]] = model(to_float(pixels.test_batch(rows[batch].tolist()), "cpu"))
    return found


def report(name: str, model: nn.Module, dataset: Dataset, framing: Framing, folder: Path) -> Iterator[str]:
    """Yield the row of one model in one framing."""
    table = dataset.table.assign(score=scores(model, dataset, framing, folder))

    def agreement(rows: pd.DataFrame) -> float:
        return float(srocc(rows["quality"].to_numpy(), rows["score"].to_numpy()))

    kinds = [agreement(rows) for _, rows in table.groupby("distortion")]
    alone = float(np.mean([agreement(rows) for _, rows in table.groupby("scene")]))
    values = "  ".join(f"{value:5.2f}" for value in (*kinds, agreement(table), alone))
    yield f"{name:9}{framing.text or 'resize':24}{values}"


@click.command()
@click.option("--models", default="resnet,dbcnn,nima,lwta,denoise,sat,cprl", show_default=True)
@click.option("--patches", default=16, show_default=True)
@click.option("--side", type=int, help="Cut the photographs to squares of this side.")
@click.option("--photographs", "source", type=click.Choice(["scikit-image", "kodak"]), default="scikit-image")
@click.option("--profile", default="photographs", show_default=True)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration. Default: the packaged one.")
@click.option("--results", type=click.Path(path_type=Path), help="Store with weights. Default: trains anew.")
def main(
    models: str,
    patches: int,
    side: int | None,
    source: str,
    profile: str,
    config: Path | None,
    results: Path | None,
) -> None:
    """Print a row for each model and way to give it pictures."""
    packaged = Path(__file__).parents[1] / "bench.toml"
    settings = load_settings(
        config or packaged, profile=profile, overrides={"run": {"models": models.split(",")}}
    )
    size = settings.run.image_size
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "pictures").mkdir()
        dataset = graded(folder / "pictures", source, side)
        click.echo(f"{'model':9}{'pixels':24} blur  noise   both  in a photograph")
        for job, model in trained_models(settings, results or folder / "results"):
            for value in ("resize", {"patches": patches, "size": size}):
                for row in report(job.model.name, model, dataset, Framing.of(value, size), folder / "cache"):
                    click.echo(row)
        brisque = create_model("brisque").eval()
        for row in report("brisque", brisque, dataset, Framing.of("native", size), folder / "cache"):
            click.echo(row)


if __name__ == "__main__":
    sys.exit(main())
