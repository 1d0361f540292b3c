"""Measures what `auto` and its members reach on trained models: intervals, worst case, passes spent.

    python benchmarks/auto.py                                   # the demo's models, 60 images
    python benchmarks/auto.py --models cprl,lwta --attacks pgd,auto-quick --epsilons 1
    python benchmarks/auto.py --attacks pgd-long,without-square,auto-standard --images 100  # on a GPU
    python benchmarks/auto.py --models lwta --attacks mean-field,auto-quick --epsilons 1 --images 100
    python benchmarks/auto.py --models lwta --attacks pgd-long,mean-field-long,auto-standard --images 24

Every attack is run downwards and upwards, and scored apart: of a stochastic model, by the mean of draws that
chose nothing. Passes are forward passes of one image; a backward pass counts as two. `short` is the furthest
that an end of an image's interval stays behind that of `auto` in budget `standard`, or of the last attack if
that is not among them. `beyond` is the furthest that one lies beyond it, and `ahead` the share of ends that
lie beyond it by more than 0.005. `error` is the largest standard error of an end's score.

Of the `-long` attacks the furthest of 10 restarts counts. On a stochastic model each of their gradients comes
from one draw, since 1,000 steps average over draws, and the restarts are compared by a tenth of `--draws`.

With `--keep` every end is kept in a file once it is found, and taken from there by the next call for the same
weights, images and version of the attack. So several processes share the work, each with other `--attacks`
or one of the `--ends`; the last prints the table.
"""

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from iqabench import load_settings  # noqa: E402
from iqabench.attacks import create_attack  # noqa: E402
from iqabench.attacks.auto import Auto  # noqa: E402
from iqabench.attacks.base import Attack  # noqa: E402
from iqabench.attacks.search import Search  # noqa: E402
from iqabench.attacks.square import Square  # noqa: E402
from iqabench.attacks.tools.objectives import ascend, descend  # noqa: E402
from iqabench.attacks.tools.victim import Victim  # noqa: E402
from iqabench.attacks.tools.views import Lens  # noqa: E402
from iqabench.bench.datasets.pixels import to_float  # noqa: E402
from iqabench.bench.statistics.worst_case import worst_case_srocc  # noqa: E402
from iqabench.bench.sweep.runner import trained_models  # noqa: E402

ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "fgsm": ("fgsm", {}),
    "pgd": ("pgd", {}),
    "mifgsm": ("mifgsm", {}),
    "square": ("square", {"queries": 200}),
    "apgd": ("apgd", {"steps": 100}),
    "auto-quick": ("auto", {"budget": "quick"}),
    "auto-standard": ("auto", {"budget": "standard"}),
}
FURTHER: dict[str, tuple[str, dict[str, Any]]] = {
    "pgd-long": ("pgd", {"steps": 1000}),
    "mean-field": ("pgd", {"steps": 12, "eot_samples": 6, "backward": "mean field", "random_start": False}),
    "mean-field-long": ("pgd", {"steps": 1000, "backward": "mean field"}),
    "expected-winner-long": ("pgd", {"steps": 1000, "backward": "expected winner 1"}),
}
LONG = {"pgd-long", "mean-field-long", "expected-winner-long"}
RESTARTS = 10  # of the long attacks
POOL = 60  # test images that the images are taken from, or more where more are asked for
ENDS = {"low": (descend, torch.argmin), "high": (ascend, torch.argmax)}
AT_ONCE = 2400  # images in a batch that is scored, where an image is scored more than once
MARGIN = 0.005  # of the score


@dataclass(frozen=True)
class Without(Auto):
    """`auto` without its "restart", without "square", or without "views" but the first."""

    left_out: str = ""

    def _prepared(self, victim: Victim) -> tuple[Victim, list[Lens]]:
        victim, lenses = super()._prepared(victim)
        return victim, lenses[:1] if self.left_out == "views" else lenses

    def _search(self, end: Any, member: Search, *rest: Any, anew: bool = False) -> None:
        part = "restart" if anew else "square" if isinstance(member, Square) else "search"
        if part != self.left_out:
            super()._search(end, member, *rest, anew=anew)


class Counted(nn.Module):
    """A model that counts its passes and offers its backward passes on."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.passes = 0
        if hasattr(model, "backward_passes"):
            self.backward_passes: Callable[[], Any] = model.backward_passes
            self.backward_through: Callable[[str], Any] = model.backward_through

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to scores (N,)."""
        self.passes += len(images)
        if images.requires_grad:
            images.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        scores: Tensor = self.model(images)
        return scores

    def _count_backward(self, gradient: Tensor) -> None:
        self.passes += 2 * len(gradient)


class Reached(NamedTuple):
    """One end of the intervals that an attack reaches, within each of E epsilons.

    Attributes:
        scores: (E, N), means over draws that chose nothing.
        errors: (E, N), their standard errors; 0 for a model that is not stochastic.
        passes: (E,), of an image.
        seconds: (E,)
    """

    scores: Tensor
    errors: Tensor
    passes: Tensor
    seconds: Tensor


def reached(
    name: str, end: str, model: nn.Module, images: Tensor, labels: Tensor, epsilons: list[float], draws: int
) -> Reached:
    """Run an attack towards one end; `draws` are more than one for a stochastic model."""
    attack = attack_named(name)
    objective, furthest = ENDS[end]
    starts = RESTARTS if name in LONG else 1
    counted = Counted(model)
    many = abreast(images, starts)
    generator = torch.Generator().manual_seed(0) if starts > 1 else None
    found = attack.perturb(
        counted, many, labels.repeat(starts), epsilons, objective=objective, generator=generator
    )
    rows = []
    for _ in epsilons:
        began, before = time.monotonic(), counted.passes
        batch = next(found)
        if starts > 1:
            scores, _ = mean_scores(model, batch, math.ceil(draws / 10))
            kept = furthest(scores.view(starts, len(images)), dim=0).to(batch.device) * len(images)
            batch = batch[kept + torch.arange(len(images), device=batch.device)]
        spent = (counted.passes - before) / len(images), time.monotonic() - began
        rows.append((*mean_scores(model, batch, draws), *(torch.tensor(number) for number in spent)))
    return Reached(*(torch.stack(column) for column in zip(*rows, strict=True)))


def attack_named(name: str) -> Attack:
    """Make an attack of `ATTACKS` or `FURTHER`, or `auto` without a part of it."""
    if name.startswith("without-"):
        return Without(left_out=name.removeprefix("without-"))
    registered, params = (ATTACKS | FURTHER)[name]
    return create_attack(registered, **params)


def mean_scores(model: nn.Module, images: Tensor, draws: int) -> tuple[Tensor, Tensor]:
    """Return scores (N,), the means over some passes, and their standard errors (N,)."""
    at_once = min(draws, max(1, AT_ONCE // len(images)))
    rounds = math.ceil(draws / at_once)
    with torch.inference_mode():
        passes = [model(abreast(images, at_once)).view(at_once, -1) for _ in range(rounds)]
    scores = torch.cat(passes).double().cpu()
    errors = scores.std(0) / math.sqrt(len(scores)) if draws > 1 else torch.zeros(len(images))
    return scores.mean(0), errors


def abreast(images: Tensor, copies: int) -> Tensor:
    """Repeat a batch (N, 3, H, W), one copy after the other."""
    return images.repeat(copies, 1, 1, 1).contiguous(memory_format=torch.channels_last)


def kept(file: Path | None, identity: str, radii: np.ndarray, find: Callable[[], Reached]) -> Reached:
    """Return what a file holds of an end with this identity, or find it and keep it there."""
    if file is not None and file.exists():
        with np.load(file) as held:
            if held["identity"] == identity and np.isin(radii, held["radii"]).all():
                rows = np.searchsorted(held["radii"], radii)
                return Reached(*(torch.from_numpy(held[column][rows]) for column in Reached._fields))
    found = find()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished.npz")
        np.savez(unfinished, radii=radii, identity=identity, **found._asdict())
        unfinished.replace(file)
    return found


@click.command()
@click.option("--models", default="resnet,cprl,lwta", show_default=True)
@click.option("--attacks", default=",".join(ATTACKS), show_default=True)
@click.option("--epsilons", default="1,2", show_default=True, help="In units of 1/255, ascending.")
@click.option("--images", default=60, show_default=True, help="How many, spread over the test images.")
@click.option("--draws", default=400, show_default=True, help="Of the score of a stochastic model.")
@click.option("--ends", default="low,high", show_default=True, help="With one of them no table is printed.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the ends that are found.")
@click.option("--config", type=click.Path(path_type=Path), help="Another sweep than the demo's.")
@click.option("--results", type=click.Path(path_type=Path), help="A store that may hold trained models.")
def main(
    models: str,
    attacks: str,
    epsilons: str,
    images: int,
    draws: int,
    ends: str,
    keep: Path | None,
    config: Path | None,
    results: Path | None,
) -> None:
    """Print a row for each model, attack and epsilon."""
    settings = load_settings(
        config or Path(__file__).parents[1] / "bench.toml",
        overrides={"run": {"models": models.split(","), "limit": max(POOL, images)}},
    )
    radii = [float(epsilon) / 255 for epsilon in epsilons.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for job, model in trained_models(settings, results or Path(folder)):
            title, times = job.model.name, draws if job.model.stochastic else 1
            chosen = [round(row) for row in torch.linspace(0, len(job.data.test_rows) - 1, images).tolist()]
            rows = job.data.test_rows[chosen]
            batch = to_float(job.data.cache.test_batch(rows.tolist()), next(model.parameters()).device)
            labels = torch.tensor(job.data.dataset.table["quality"].to_numpy()[rows]).to(batch)
            found: dict[str, dict[str, Reached]] = {name: {} for name in attacks.split(",")}
            for name, of_name in found.items():
                for end in ends.split(","):
                    file = keep and keep / f"{title}-{images}-{name}-{end}.npz"
                    find = partial(reached, name, end, model, batch, labels, radii, times)
                    identity = f"{job.weights()} {attack_named(name).version} {times} {rows.tolist()}"
                    of_name[end] = kept(file, identity, np.array(radii), find)
                    click.echo(f"{title}: {name}, {end}: {of_name[end].seconds.sum():.0f} s", err=True)
            if set(ENDS) <= set(ends.split(",")):
                report(title, labels.cpu().numpy(), found, radii)


def report(title: str, labels: np.ndarray, found: dict[str, dict[str, Reached]], radii: list[float]) -> None:
    """Print the rows of one model."""
    click.echo(
        "model    attack                epsilon  width   worst SROCC   short  beyond   ahead   error  "
        "passes an image   seconds"
    )
    standard = found.get("auto-standard", list(found.values())[-1])
    for name, ends in found.items():
        for number, radius in enumerate(radii):
            low, high = interval(ends, number)
            far_low, far_high = interval(standard, number)
            beyond = torch.cat([far_low - low, high - far_high])
            ahead = (beyond > MARGIN).double().mean()
            worst = worst_case_srocc(labels, low.numpy(), high.numpy()).value
            error = max(float(end.errors[number].max()) for end in ends.values())
            passes, seconds = (
                sum(float(spent[number]) for spent in spents)
                for spents in zip(*((end.passes, end.seconds) for end in ends.values()), strict=True)
            )
            click.echo(
                f"{title:8} {name:21} {radius * 255:7g}  {(high - low).median():6.4f}  {worst:11.3f}  "
                f"{-beyond.min():6.3f}  {beyond.max():6.3f}  {ahead:6.3f}  {error:6.4f}  {passes:15.0f}  "
                f"{seconds:7.1f}"
            )


def interval(ends: dict[str, Reached], number: int) -> tuple[Tensor, Tensor]:
    """Return the lower and the higher of the two ends (N,) of each image within one epsilon."""
    scores = [end.scores[number] for end in ends.values()]
    return torch.minimum(*scores), torch.maximum(*scores)


if __name__ == "__main__":
    main()
