"""Own defences pass the rehearsal; each fault that a defence can have is found by it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from iqabench import UserError
from iqabench.bench.core import registry
from iqabench.models.defences.base import Defence
from iqabench.testing import check_defence


@pytest.mark.parametrize("name", registry.names("defences"))
def test_own_defences_pass(name: str) -> None:
    check_defence(registry.resolve("defences", name))


class Darker(Defence):
    """Passes; the others differ from it by one fault each."""

    def forward(self, images: Tensor) -> Tensor:
        return self.changed(images)

    def changed(self, images: Tensor) -> Tensor:
        return images / 2


def other(name: str, changed: Callable[[Tensor], Any], **facts: Any) -> type[Darker]:
    """Return a defence that changes images by a function."""
    return type(name, (Darker,), {"changed": lambda self, images: changed(images), **facts})


def by_chance(images: Tensor) -> Tensor:
    return images * torch.rand(1)


@pytest.mark.parametrize("sound", [Darker, other("Declared", by_chance, stochastic=True)])
def test_a_sound_defence_passes(sound: type[Defence]) -> None:
    check_defence(sound)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (other("Near", lambda x: x * x.mean()), "Near scores an image by what else is in its batch"),
        (other("Chance", by_chance), "Chance gives one image two scores; if that is meant, say `stocha"),
        (other("InPlace", lambda x: x.mul_(0.5)), "InPlace changes the images that it is given"),
        (other("Brighter", lambda x: 3 * x), "Brighter gives pixels from "),
        (other("Undefined", lambda x: x / 0 * 0), "Undefined gives pixels from nan to nan, outside [0, 1]"),
        (other("Nothing", lambda x: None), "Nothing gives a NoneType for images of (2, 3, 48, 64)"),
        (other("Fewer", lambda x: x[:1]), "Fewer gives shape (1, 3, 48, 64) for images of (2, 3, 48, 64)"),
        (other("Fails", lambda x: x.view(3)), "Fails cannot change two images: RuntimeError"),
        (int, "a int is not a Defence"),
    ],
)
def test_each_fault_is_found_and_named(faulty: Any, message: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(UserError, match=re.escape(message)):
        check_defence(faulty)
