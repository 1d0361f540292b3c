"""An attack that changes its images or the model, and a model that changes by being used, end the sweep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import LINEAR_PLUGIN

PLUGIN = (
    LINEAR_PLUGIN
    + """

import sys


def attack(function):
    def perturb(self, model, images, labels, epsilons):
        return function(model, images, epsilons)

    body = {"perturb": perturb, "run": None, "__module__": __name__}
    named = type(function.__name__, (iqabench.Attack,), body)
    return iqabench.register_attack(function.__name__)(named)


@attack
def inplace(model, images, epsilons):
    for _ in epsilons:
        yield images.copy_(1 - images)


@attack
def trained(model, images, epsilons):
    with torch.no_grad():
        for weight in model.parameters():
            weight.data.mul_(0.9)
    yield from [images.clone() for _ in epsilons]


@attack
def hooked(model, images, epsilons):
    model.register_forward_hook(lambda module, given, scores: scores / 2)
    yield from [images.clone() for _ in epsilons]


@attack
def fewer(model, images, epsilons):
    yield from [images.clone() for _ in epsilons[1:]]


@attack
def quits(model, images, epsilons):
    sys.exit(0)


@attack
def listed(model, images, epsilons):
    return [images.clone() for _ in epsilons]


@iqabench.register_model("tired")
class Tired(Linear):
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(images) * (1 if self.calls < 14 else 0.5)


@iqabench.register_model("dropping")
class Dropping(Linear):
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(images if self.calls < 14 else images[1:])
"""
)


@pytest.fixture
def swept(sweep: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    return sweep


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("inplace", "attack 'inplace': returned an image outside its ball"),
        ("trained", "attack 'trained': the model gives one image the score"),
        ("hooked", "attack 'hooked': the model gives one image the score"),
        ("fewer", "attack 'fewer': gives fewer batches than there are epsilons"),
        ("quits", "attack 'quits', or the model: calls sys.exit(0)"),
    ],
)
def test_what_an_attack_may_not_do_ends_the_sweep_and_nothing_of_it_is_kept(
    swept: Callable[..., Any], attack: str, told: str, tmp_path: Path
) -> None:
    done, cells = swept("--models", "linear", "--attacks", f"{attack},listed", "--epsilons", "4,8")
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert attack not in {name for name, _ in cells}
    assert not list((tmp_path / "results" / "partial").rglob(f"{attack}*"))


def test_an_attack_may_give_a_list(swept: Callable[..., Any]) -> None:
    done, cells = swept("--models", "linear", "--attacks", "listed", "--epsilons", "4,8")
    assert done.exit_code == 0, done.output
    assert {epsilon for name, epsilon in cells if name == "listed"} == {4.0, 8.0}


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("tired", "the model gives one image the score"),
        ("dropping", "scores of shape (1,) for 2 images; a model gives one real score for each"),
    ],
)
def test_a_model_that_changes_by_being_used_ends_the_sweep(
    swept: Callable[..., Any], model: str, told: str
) -> None:
    done, cells = swept("--models", model, "--attacks", "listed", "--epsilons", "4")
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert ("listed", 4.0) not in cells
