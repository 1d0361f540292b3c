"""Which of pyiqa's no-reference metrics work as models, with random weights and without a network.

    python benchmarks/pyiqa_metrics.py                      # all, in some minutes: the table of docs/pyiqa.md
    python benchmarks/pyiqa_metrics.py --metrics musiq --write    # renews facts in models/pyiqa/facts.csv

For each metric: the largest difference from the score that pyiqa's own `InferenceModel` gives an image by
itself, whether a batch changes it, whether a gradient reaches the pixels, and the smallest side that it
scores.
"""

import gc
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from iqabench.bench.core.errors import UserError  # noqa: E402
from iqabench.bench.core.files import write_text  # noqa: E402
from iqabench.benchmarks.random_weights import write_random_weights  # noqa: E402
from iqabench.models.pyiqa import facts as known  # noqa: E402
from iqabench.models.pyiqa.library import names, resolve  # noqa: E402
from iqabench.models.pyiqa.weights import WeightFiles, reading  # noqa: E402

SIDES = (48, 96, 160, 224, 288, 384)
SAME = 1e-5


def pictures(side: int) -> Tensor:
    """Return two different images (2, 3, side, side + 16) in [0, 1]: smooth, with noise."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (side, side + 16), mode="bicubic").clamp(0, 1)
    noise = 0.05 * torch.randn(smooth.shape, generator=generator)
    return (smooth + noise * torch.tensor([1.0, 0.3]).view(2, 1, 1, 1)).clamp(0, 1)


def examine(name: str, folder: Path) -> dict[str, Any]:
    """Return what is found of a metric whose files of random weights are written into a folder."""
    kind = resolve(name)
    files = write_random_weights(name, kind.options, folder)
    model = kind(weights_dir=str(folder)).eval()
    found: dict[str, Any] = {"files": files, "side": _smallest_side(model)}
    images = pictures(found["side"])
    alone = torch.stack([_scored(model, image) for image in torch.split(images, 1)]).flatten()
    found["batched"] = _batched(model, images, alone)
    found["difference"] = float((alone - _by_pyiqa(name, kind.options, folder, images)).abs().max())
    found["gradient"] = _gradient(model, images[:1])
    return found


def _scored(model: Any, images: Tensor) -> Tensor:
    with torch.no_grad():
        scores: Tensor = model.raw(images)
    return scores


def _smallest_side(model: Any) -> int:
    failure: object = "its scores are not finite"
    for side in SIDES:
        try:
            if _scored(model, pictures(side)[:1]).isfinite().all():
                return side
        except Exception as error:
            failure = error
    raise UserError(f"scores no image of up to {SIDES[-1]} pixels: {failure}")


def _batched(model: Any, images: Tensor, alone: Tensor) -> bool:
    try:
        with torch.no_grad():
            return bool(torch.allclose(model._asked(images), alone, rtol=SAME, atol=SAME))
    except Exception:
        return False


def _by_pyiqa(name: str, options: dict[str, Any], folder: Path, images: Tensor) -> Tensor:
    from pyiqa.models.inference_model import InferenceModel

    with reading(WeightFiles(name, folder, download=False), options["type"]), torch.no_grad():
        metric = InferenceModel(name, device="cpu")
    return torch.stack([metric(image).reshape(()) for image in torch.split(images, 1)])


def _gradient(model: Any, image: Tensor) -> str:
    pixels = image.clone().requires_grad_()
    score = model(pixels)
    if not score.requires_grad:
        return "none"
    (gradient,) = torch.autograd.grad(score.sum(), pixels)
    if not gradient.isfinite().all():
        return "not finite"
    return "yes" if (gradient != 0).any() else "zero"


@click.command(help=__doc__)
@click.option("--metrics", default="", help="Names, separated by commas. Default: all.")
@click.option("--write", is_flag=True, help="Keep what is found in models/pyiqa/facts.csv.")
def main(metrics: str, write: bool) -> None:
    """Examine metrics, and print a table of them."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    chosen = [name for name in metrics.split(",") if name] or names()
    facts = dict(known.measured())
    click.echo("| metric | range and direction | gradient | sides from | in a batch | off by | files |")
    click.echo("|---|---|---|---|---|---|---|")
    for name in chosen:
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                found = examine(name, Path(folder))
        except Exception as error:
            click.echo(f"| `{name}` | | | | | | {type(error).__name__}: {str(error).splitlines()[0]:.150} |")
            continue
        click.echo(
            f"| `{name}` | {resolve(name).scale} | {found['gradient']} | {found['side']} px "
            f"| {'the same' if found['batched'] else 'one by one'} | {found.pop('difference'):.1g} "
            f"| {', '.join(f'`{file}`' for file in found['files']) or 'none'} |"
        )
        click.echo(f"{name}: {time.monotonic() - started:.1f} s", err=True)
        gc.collect()
        if write:
            facts[name] = known.Facts(**{**found, "files": tuple(found["files"])})
            write_text(known.FILE, _table(facts))


def _table(facts: dict[str, known.Facts]) -> str:
    """Return the facts as the text of `facts.csv`."""
    rows = [
        f"{name},{one.gradient},{'yes' if one.batched else 'no'},{one.side},{' '.join(one.files)}"
        for name, one in sorted(facts.items())
    ]
    return "\n".join(["metric,gradient,batched,side,files", *rows, ""])


if __name__ == "__main__":
    main()
