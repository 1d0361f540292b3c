"""Own defences pass the rehearsal; each fault that a defence can have is found by it."""

import re
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


class Neighbours(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return images * images.mean()


class Chance(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return images * torch.rand(1)


class Declared(Chance):
    stochastic = True


class InPlace(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return images.mul_(0.5)


class Brighter(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return 3 * images


class Undefined(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return images / 0 * 0


class Nothing(Darker):
    def changed(self, images: Tensor) -> Any:
        return None


class Fewer(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return images[:1]


class Fails(Darker):
    def changed(self, images: Tensor) -> Tensor:
        return images.view(3)


@pytest.mark.parametrize("sound", [Darker, Declared])
def test_a_sound_defence_passes(sound: type[Defence]) -> None:
    check_defence(sound)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (Neighbours, "Neighbours scores an image by what else is in its batch"),
        (Chance, "Chance gives one image two scores; if that is meant, say `stochastic = True`"),
        (InPlace, "InPlace changes the images that it is given"),
        (Brighter, "Brighter gives pixels from "),
        (Undefined, "Undefined gives pixels from nan to nan, outside [0, 1]"),
        (Nothing, "Nothing gives a NoneType for images of (2, 3, 48, 64)"),
        (Fewer, "Fewer gives shape (1, 3, 48, 64) for images of (2, 3, 48, 64)"),
        (Fails, "Fails cannot change two images: RuntimeError"),
        (int, "a int is not a Defence"),
    ],
)
def test_each_fault_is_found_and_named(faulty: Any, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        check_defence(faulty)
