"""Own attacks pass the rehearsal; each fault that an attack can have is found by it, with its line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iqabench import Attack, UserError, create_attack
from iqabench.attacks.iqa import zhang
from iqabench.attacks.tools.perceptual import Network
from iqabench.attacks.tools.victim import Victim
from iqabench.bench.core import registry
from iqabench.testing import check_attack

FEWER: dict[str, dict[str, Any]] = {
    "auto": {"budget": "quick"},
    "apgd": {"steps": 3},
    "square": {"queries": 8},
    "rank": {"steps": 3},
    "transfer": {"steps": 3},
    "zhang_lpips": {"steps": 3},
    "zhang_dists": {"steps": 3},
}


class SquaredDifference(nn.Module):
    """A perceptual distance without weights."""

    def raw(self, images: Tensor, others: Tensor) -> Tensor:
        return (images - others).square().mean((1, 2, 3))


@pytest.mark.parametrize("name", registry.names("attacks"))
def test_own_attacks_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zhang, "network", lambda *_: Network(SquaredDifference(), "1"))
    check_attack(lambda: create_attack(name, **FEWER.get(name, {})))


class Sound(Attack):
    """Passes; the others differ from it by one fault each."""

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        for epsilon in epsilons:
            yield self.moved(victim, epsilon)

    def moved(self, victim: Victim, epsilon: float) -> Tensor:
        return (victim.images + epsilon).clamp(0, 1)


def faulty(name: str, moved: Callable[[Any, Victim, float], Tensor]) -> type[Sound]:
    """Return an attack that moves images by a function of itself, the victim and epsilon."""
    return type(name, (Sound,), {"moved": moved})


move = Sound.moved


class One(Sound):
    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        yield self.moved(victim, epsilons[0])


class Counting(Sound):
    calls = 0

    def moved(self, victim: Victim, epsilon: float) -> Tensor:
        Counting.calls += 1
        return super().moved(victim, epsilon / (1 + Counting.calls))


class FromSmaller(Sound):
    """Takes another direction for each epsilon, starting from the first of those it is given."""

    def run(self, victim: Victim, epsilons: Sequence[float]) -> Iterator[Tensor]:
        for number, epsilon in enumerate(epsilons):
            yield self.moved(victim, epsilon * 0.5**number)


class InPlace(Sound):
    def moved(self, victim: Victim, epsilon: float) -> Tensor:
        victim.images.clamp_(0.1, 0.9)
        return super().moved(victim, epsilon)


FAULTS = [
    (faulty("Far", lambda self, victim, epsilon: 1 - victim.images),
     "attack 'Far': returned an image outside its ball"),
    (faulty("Unclipped", lambda self, victim, epsilon: victim.images + epsilon),
     "attack 'Unclipped': returned pixels from .* outside \\[0, 1\\]"),
    (faulty("Double", lambda self, victim, epsilon: move(self, victim, epsilon).double()),
     "attack 'Double': returned images of type torch.float64"),
    (One, "One yields fewer batches than there are epsilons"),
    (faulty("Chance", lambda self, victim, epsilon: move(self, victim, epsilon * float(torch.rand(())))),
     "Chance moves torch's random numbers"),
    (Counting, "Counting gives one batch two results \\(found at 1/255"),
    (faulty("Neighbours", lambda self, victim, epsilon: move(self, victim, epsilon * victim.images.mean())),
     "Neighbours attacks an image by what else is in its batch"),
    (FromSmaller, "FromSmaller attacks an image by which other epsilons it is run with"),
    (InPlace, "InPlace changes the images that it is given"),
    (faulty("Fails", lambda self, victim, epsilon: victim.images.view(3) + epsilon),
     r"Fails cannot attack a batch of 4: RuntimeError: .*test_check_attack\.py, line \d+: \(faulty"),
    (int, "a int is not an iqabench.Attack"),
]  # fmt: skip


@pytest.mark.parametrize("attack", [Sound, type("Nested", (FromSmaller,), {"nested": True})])
def test_a_sound_attack_and_one_that_says_that_it_goes_on_from_smaller_epsilons_pass(attack: Any) -> None:
    check_attack(attack)


@pytest.mark.parametrize(("attack", "message"), FAULTS)
def test_each_fault_is_found_and_named(attack: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_attack(attack)
