"""Measures what `auto` and its members reach on trained models: intervals, worst case, passes spent.

    python benchmarks/auto.py                                   # the demo's models, 60 images
    python benchmarks/auto.py --models cprl,lwta --attacks pgd,auto-quick --epsilons 1
    python benchmarks/auto.py --attacks pgd-long,without-square,auto-standard --images 100  # on a GPU
    python benchmarks/auto.py --models lwta --attacks mean-field,auto-quick --epsilons 1 --images 100
    python benchmarks/auto.py --models lwta --attacks mean-field-long,expected-winner-long,auto-standard

Every attack is run downwards and upwards, and scored apart: of a stochastic model, by the mean of draws that
chose nothing. Passes are forward passes of one image; a backward pass counts as two. `short` is the furthest
that an end of an image's interval stays behind that of `auto` in budget `standard`, or of the last attack if
that is not among them. `ahead` is the share of ends at which the attack lies beyond it by more than 0.005.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from iqabench.bench.core.process import prepare_process

prepare_process()

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
    "mean-field": (
        "pgd",
        {"steps": 12, "eot_samples": 6, "backward": "mean field", "random_start": False},
    ),
    "mean-field-long": ("pgd", {"steps": 1000, "backward": "mean field"}),
    "expected-winner-long": ("pgd", {"steps": 1000, "backward": "expected winner"}),
}
RESTARTS = dict.fromkeys(("pgd-long", "mean-field-long", "expected-winner-long"), 10)  # the furthest counts
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


def intervals(
    name: str, model: Counted, images: Tensor, labels: Tensor, epsilons: list[float], draws: int
) -> list[tuple[Tensor, Tensor]]:
    """Return the (N,) ends of the intervals that an attack reaches within each epsilon."""
    if name.startswith("without-"):
        attack: Attack = Without(left_out=name.removeprefix("without-"))
    else:
        registered, params = (ATTACKS | FURTHER)[name]
        attack = create_attack(registered, **params)
    starts = RESTARTS.get(name, 1)  # of one image, side by side in a batch
    many = images.repeat(starts, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0) if starts > 1 else None
    ends: list[list[Tensor]] = [[] for _ in epsilons]
    for objective, furthest in ((descend, torch.argmin), (ascend, torch.argmax)):
        found = attack.perturb(
            model, many, labels.repeat(starts), epsilons, objective=objective, generator=generator
        )
        for reached, batch in zip(ends, found, strict=True):
            scores = mean_scores(model.model, batch, draws).view(starts, len(images))
            kept = furthest(scores, dim=0).to(batch.device) * len(images)
            chosen = batch[kept + torch.arange(len(images), device=batch.device)]
            reached.append(mean_scores(model.model, chosen, draws))
    return [(torch.minimum(*reached), torch.maximum(*reached)) for reached in ends]


def mean_scores(model: nn.Module, images: Tensor, draws: int) -> Tensor:
    """Return scores (N,), the means over some passes."""
    with torch.inference_mode():
        return torch.stack([model(images) for _ in range(draws)]).mean(0).double().cpu()


@click.command()
@click.option("--models", default="resnet,cprl,lwta", show_default=True)
@click.option("--attacks", default=",".join(ATTACKS), show_default=True)
@click.option("--epsilons", default="1,2", show_default=True, help="In units of 1/255.")
@click.option("--images", default=60, show_default=True, help="How many, spread over the test images.")
@click.option("--draws", default=400, show_default=True, help="Of the score of a stochastic model.")
@click.option("--config", type=click.Path(path_type=Path), help="Another sweep than the demo's.")
@click.option("--results", type=click.Path(path_type=Path), help="A store that may hold trained models.")
def main(
    models: str,
    attacks: str,
    epsilons: str,
    images: int,
    draws: int,
    config: Path | None,
    results: Path | None,
) -> None:
    """Print a row for each model, attack and epsilon."""
    settings = load_settings(
        config or Path(__file__).parents[1] / "bench.toml", overrides={"run": {"models": models.split(",")}}
    )
    names = attacks.split(",")
    radii = [float(epsilon) / 255 for epsilon in epsilons.split(",")]
    click.echo(
        "model    attack         epsilon  width   worst SROCC   short   ahead   passes an image   seconds"
    )
    with tempfile.TemporaryDirectory() as folder:
        for job, model in trained_models(settings, results or Path(folder)):
            chosen = [round(row) for row in torch.linspace(0, len(job.data.test_rows) - 1, images).tolist()]
            rows = job.data.test_rows[chosen]
            batch = to_float(job.data.cache.test_batch(rows.tolist()), next(model.parameters()).device)
            labels = torch.tensor(job.data.dataset.table["quality"].to_numpy()[rows]).to(batch)
            report(job.model.name, model, batch, labels, names, radii, draws if job.model.stochastic else 1)


def report(
    title: str,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    names: list[str],
    radii: list[float],
    draws: int,
) -> None:
    """Print the rows of one model."""
    found, spent, seconds = {}, {}, {}
    for name in names:
        counted, began = Counted(model), time.monotonic()
        found[name] = intervals(name, counted, images, labels, radii, draws)
        spent[name], seconds[name] = counted.passes / len(images), time.monotonic() - began
        click.echo(f"{title}: {name} took {seconds[name]:.0f} s", err=True)
    furthest = found.get("auto-standard", found[names[-1]])
    for name in names:
        for number, radius in enumerate(radii):
            (low, high), (far_low, far_high) = found[name][number], furthest[number]
            short = torch.maximum(low - far_low, far_high - high).max()
            ahead = torch.cat([far_low - low, high - far_high]) > MARGIN
            worst = worst_case_srocc(labels.cpu().numpy(), low.numpy(), high.numpy()).value
            click.echo(
                f"{title:8} {name:14} {radius * 255:7g}  {(high - low).median():6.4f}  {worst:11.3f}  "
                f"{short:6.3f}  {ahead.double().mean():6.3f}  {spent[name] / len(radii):15.0f}  "
                f"{seconds[name] / len(radii):7.1f}"
            )


if __name__ == "__main__":
    main()
