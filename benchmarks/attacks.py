"""The attacks against torchattacks called once per epsilon: same model, same images, same numbers.

    python benchmarks/attacks.py

Both sides attack one batch at all epsilons and score every adversarial batch, in turn, round by round; the
ratio is the median over rounds. torchattacks gets the model as the sweep prepares it (evaluation mode,
weights without gradients, channels last), so that what is compared is the attack alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import click
import torch
from torch import Tensor, nn

from iqabench.attacks import Attack, create_attack
from iqabench.benchmarks.two_logits import TwoLogits
from iqabench.models import create_model

FGSM_EPSILONS = [levels / 255 for levels in range(1, 9)]
PGD_EPSILONS = [1 / 255, 4 / 255]  # each costs the same, so that a few and more rounds measure it better
STEPS, STEP_SIZE = 10, 1 / 255
SEED = 0
TOLERANCE = 1e-5  # of a score; a pixel whose gradient is zero but for rounding may take either sign


@dataclass(frozen=True)
class Comparison:
    """One attack's times; seconds are medians over rounds, for one batch at all epsilons with scoring."""

    attack: str
    epsilons: int
    ours: float
    theirs: float
    ratio: float
    target: float
    score_difference: float

    def __str__(self) -> str:
        return (
            f"attacks: {self.attack} over {self.epsilons} epsilons: {self.ratio:.2f} x torchattacks' speed, "
            f"target {self.target} x ({self.ours:.3f} s against {self.theirs:.3f} s; "
            f"scores differ by at most {self.score_difference:.0e})"
        )


def compare_with_torchattacks(batch_size: int, image_size: int, rounds: int) -> Iterator[Comparison]:
    """Compare FGSM, then PGD-10, on a half-width ResNet-10, the default profile's backbone.

    Raises:
        RuntimeError: The scores of the two sides differ.
    """
    import torchattacks

    model = _model()
    images, labels = _batch(batch_size, image_size)
    classifier, classes = TwoLogits(model).eval(), TwoLogits.classes(labels)

    def ours(attack: Attack, epsilons: Sequence[float]) -> Tensor:
        return _scores(model, attack.perturb(model, images, labels, epsilons))

    def theirs(attack: Callable[..., Any], epsilons: Sequence[float]) -> Tensor:
        return _scores(model, (attack(classifier, eps=epsilon)(images, classes) for epsilon in epsilons))

    yield _compare(
        "FGSM",
        lambda: ours(create_attack("fgsm"), FGSM_EPSILONS),
        lambda: theirs(torchattacks.FGSM, FGSM_EPSILONS),
        rounds,
        target=2.3,
    )
    our_pgd = create_attack("pgd", steps=STEPS, step_size=STEP_SIZE, random_start=False)
    their_pgd = partial(torchattacks.PGD, alpha=STEP_SIZE, steps=STEPS, random_start=False)
    yield _compare(
        f"PGD-{STEPS}",
        lambda: ours(our_pgd, PGD_EPSILONS),
        lambda: theirs(their_pgd, PGD_EPSILONS),
        rounds,
        target=1.0,
    )


def _scores(model: nn.Module, batches: Iterator[Tensor]) -> Tensor:
    scores = []
    for batch in batches:
        with torch.inference_mode():
            scores.append(model(batch))
    return torch.stack(scores)


def _compare(
    attack: str, ours: Callable[[], Tensor], theirs: Callable[[], Tensor], rounds: int, target: float
) -> Comparison:
    our_scores, their_scores = ours(), theirs()
    difference = (our_scores - their_scores).abs().max().item()
    if not difference <= TOLERANCE:
        raise RuntimeError(f"{attack}: scores differ from those under torchattacks by {difference:.0e}")
    sides = (ours, theirs)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for side in (0, 1) if number % 2 else (1, 0):  # neither side always goes first
            times[side].append(_seconds(sides[side]))
    return Comparison(
        attack,
        epsilons=len(our_scores),
        ours=median(times[0]),
        theirs=median(times[1]),
        ratio=median(their / our for our, their in zip(*times, strict=True)),
        target=target,
        score_difference=difference,
    )


def _model() -> nn.Module:
    torch.manual_seed(SEED)
    shape: dict[str, Sequence[int]] = {"layers": [1, 1, 1, 1], "channels": [32, 64, 128, 256]}
    model = create_model("resnet", backbone="resnet18", backbone_args=shape)
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _batch(size: int, image_size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(SEED)
    coarse = torch.rand((size, 3, 12, 12), generator=generator)
    images = nn.functional.interpolate(coarse, size=image_size, mode="bilinear")
    labels = torch.rand(size, generator=generator)
    return images.contiguous(memory_format=torch.channels_last), labels


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


@click.command()
@click.option("--batch-size", default=16, show_default=True)
@click.option("--image-size", default=96, show_default=True)
@click.option("--rounds", default=21, show_default=True)
def main(batch_size: int, image_size: int, rounds: int) -> None:
    """Time FGSM and PGD against torchattacks."""
    for comparison in compare_with_torchattacks(batch_size, image_size, rounds):
        click.echo(comparison)


if __name__ == "__main__":
    main()
