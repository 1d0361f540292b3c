"""Rehearses what a sweep does with an attack, so that a fault shows in seconds, with the line that has it."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ....attacks.base import Attack
from ...core.errors import UserError, blaming_line
from .door import distances

EPSILONS = (0.0, 1 / 255, 4 / 255)
TOLERANCE = 1e-6  # of pixels, for another batch size


class _Network(nn.Module):
    """Two convolutions with batch normalisation and dropout, which an attack must leave as they are."""

    def __init__(self) -> None:
        super().__init__()
        layers = (nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Tanh(), nn.Dropout(0.5))
        self.body = nn.Sequential(*layers, nn.Conv2d(8, 8, 3, stride=2))
        self.head = nn.Linear(8, 1)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = torch.sigmoid(self.head(self.body(images - 0.5).mean((2, 3)))).squeeze(1)
        return scores


def check_attack(factory: Callable[[], Attack]) -> None:
    """Check that an attack keeps to the contract of `iqabench.Attack`.

    It attacks a batch of four images within three epsilons, the images one by one, and the batch again.

    Args:
        factory: Builds the attack: its class, or a function without arguments.

    Raises:
        UserError: the first fault found: an image outside the ball, another shape or type, too few batches,
            images that depend on chance, on the rest of their batch (unless `depends_on_batch` is stated) or
            on the other epsilons (unless `nested` or `intervals` is stated), or a model, images or random
            numbers that are not left as they were. Where an operation failed, with the attack's file and
            line.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model, source = _Network(), _Network()
        with blaming_line("the attack cannot be built"):
            attack = factory()
        if not isinstance(attack, Attack):
            raise UserError(f"a {type(attack).__name__} is not an iqabench.Attack")
        name = type(attack).__name__
        if hasattr(attack, "from_model"):
            attack = attack.from_model(source.eval().requires_grad_(False))
        images = torch.rand(4, 3, 16, 16)
        if hasattr(attack, "from_images"):
            attack = attack.from_images(torch.rand(4, 3, 16, 16))
        images[0, 0, :4] = 0
        images[1, 0, :4] = 1
        labels = torch.tensor([0.1, 0.9, 0.4, 0.6])
        given, before = images.clone(), _state(model)
        random = torch.get_rng_state()

        def perturbed(chosen: slice = slice(None), epsilons: Sequence[float] = EPSILONS) -> list[Tensor]:
            batch = images[chosen]
            with blaming_line(f"{name} cannot attack a batch of {len(batch)}"):
                found = list(attack.perturb(model, batch, labels[chosen], epsilons))
            if len(found) < len(epsilons):
                raise UserError(f"{name} yields fewer batches than there are epsilons; it yields one each")
            return found[: len(epsilons)]

        found = perturbed()
        if not torch.equal(random, torch.get_rng_state()):
            raise UserError(
                f"{name} moves torch's random numbers; draw by `victim.noise(seed)` or a generator of its own"
            )
        if not torch.equal(images, given):
            raise UserError(f"{name} changes the images that it is given; change a copy")
        if _state(model) != before:
            raise UserError(f"{name} changes the model: its weights, their gradients or its mode")
        norm: Literal["linf", "l2"] = getattr(attack, "norm", "linf")
        for epsilon, adversarial in zip(EPSILONS, found, strict=True):
            distances(images, adversarial, epsilon, norm=norm, attack=name)
        _require_same(name, found, perturbed(), "gives one batch two results")
        if not (getattr(attack, "nested", False) or getattr(attack, "intervals", False)):
            apart = [perturbed(epsilons=[epsilon])[0] for epsilon in EPSILONS]
            fault = "attacks an image by which other epsilons it is run with"
            _require_same(name, found, apart, f"{fault}; if that is meant, say `nested = True`")
        if not getattr(attack, "depends_on_batch", False):
            alone = [perturbed(slice(number, number + 1)) for number in range(4)]
            together = [torch.cat(parts) for parts in zip(*alone, strict=True)]
            fault = "attacks an image by what else is in its batch"
            _require_same(name, found, together, f"{fault}; if that is meant, say `depends_on_batch = True`")


def _state(model: nn.Module) -> list[object]:
    """Return all that an attack could change, so that it can be compared."""
    tensors = [(name, tensor.tolist()) for name, tensor in model.state_dict().items()]
    modes = [module.training for module in model.modules()]
    weights = [(weight.requires_grad, weight.grad is None) for weight in model.parameters()]
    return [tensors, modes, weights]


def _require_same(name: str, found: Sequence[Tensor], others: Sequence[Tensor], fault: str) -> None:
    for epsilon, images, other in zip(EPSILONS, found, others, strict=True):
        furthest = float((images - other).abs().max())
        if not furthest <= TOLERANCE:
            raise UserError(
                f"{name} {fault} (found at {255 * epsilon:g}/255: {255 * furthest:.3g}/255 apart)"
            )
