"""Steps of CPRL's Algorithm 1, and of every recipe on a ResNet, against a step of the ResNet's regression.

    python benchmarks/training.py
    python benchmarks/training.py --profile paper --batch-size 4

The models of a profile take steps on one batch in turn; a ratio is the median over rounds. A round of CPRL is
two steps, one with each intervention.
"""

from collections.abc import Iterator
from copy import deepcopy
from statistics import median
from time import perf_counter
from typing import Any

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from iqabench.bench.core import registry  # noqa: E402
from iqabench.bench.core.config import load_settings  # noqa: E402
from iqabench.bench.sweep.plan import plan_models  # noqa: E402
from iqabench.bench.training.recipes import recipe_of  # noqa: E402
from iqabench.bench.training.regimes import CleanRegime  # noqa: E402
from iqabench.models.recipe import Labels, Recipe  # noqa: E402

TARGET = 3.2
STEPS = 2  # one with each intervention


def compare_with_plain(profile: str, batch_size: int, rounds: int, device: torch.device) -> Iterator[str]:
    """Yield a line for the plain model, for each variant of CPRL, and for each recipe of any model."""
    overrides: dict[str, dict[str, Any]] = {
        "run": {"models": ["resnet", "cprl"]},
        "training": {"pretrained": False},
        "grid": {"cprl": {"sites": [[3, 4], "every_block"], "pns_weight": [0.0, 0.3]}},
    }
    settings = load_settings(profile=profile, overrides=overrides)
    size = settings.run.image_size
    images = torch.rand(batch_size, 3, size, size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = Labels(torch.rand(batch_size, device=device))
    recipes: dict[str, Recipe] = {}
    for planned in plan_models(settings):
        model = planned.build_empty().train().to(device).to(memory_format=torch.channels_last)
        name = planned.variant or ("resnet" if planned.name == "resnet" else "cprl as configured")
        make = registry.resolve("recipes", recipe_of(model))
        recipes[name] = make(model, settings.training, CleanRegime())
        for other in registry.names("recipes") if planned.name == "resnet" else ():
            if other not in ("regression", "cprl", "denoising"):
                make = registry.resolve("recipes", other)
                recipes[f"resnet, {other}"] = make(deepcopy(model), settings.training, CleanRegime())
    seconds: dict[str, list[float]] = {name: [] for name in recipes}
    for number in range(rounds + 1):
        for name, recipe in recipes.items():
            elapsed = _seconds(recipe, images, labels)
            if number:  # the first round is a warm-up
                seconds[name].append(elapsed)

    yield f"{'model':40} {'seconds':>8} {'x plain':>8}   (target {TARGET})"
    for name, times in seconds.items():
        ratio = median(time / plain for time, plain in zip(times, seconds["resnet"], strict=True))
        yield f"{name:40} {median(times) / STEPS:8.3f} {ratio:8.2f}"


def _seconds(recipe: Recipe, images: Tensor, labels: Labels) -> float:
    began = perf_counter()
    for number in range(STEPS):
        terms = recipe.step(number, images, labels)
        float(terms["loss"])  # waits for a GPU
    return perf_counter() - began


@click.command()
@click.option("--profile", default="demo", show_default=True)
@click.option("--batch-size", default=32, show_default=True)
@click.option("--rounds", default=15, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def main(profile: str, batch_size: int, rounds: int, device: str) -> None:
    """Time training steps."""
    for line in compare_with_plain(profile, batch_size, rounds, torch.device(device)):
        click.echo(line)


if __name__ == "__main__":
    main()
