"""Own models pass the rehearsal; each fault that a model can have is found by it, with its line."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iqabench import UserError
from iqabench.models.adapted.adapter import Adapter
from iqabench.testing import check_model

from .conftest import MODELS


class Sound(nn.Module):
    """Passes; the others differ from it by one fault each."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4, 1)

    def forward(self, images: Tensor) -> Any:
        return torch.sigmoid(self.head(self.body(images).mean((2, 3)))).squeeze(1)


def faulty(name: str, forward: Callable[..., Any]) -> type:
    """Return a model whose scores are those of a function of itself and the images."""
    return type(name, (Sound,), {"forward": forward})


score = Sound.forward
NoGradient = faulty("NoGradient", torch.no_grad()(score))


def by_its_batch(self: Sound, images: Tensor) -> Tensor:
    scores: Tensor = score(self, images)
    return scores - 0.5 * scores.mean()


class SeededEachTime(Sound):
    def forward(self, images: Tensor) -> Any:
        torch.manual_seed(0)
        return super().forward(images + torch.rand(()))


class ByTheFirstBatch(Sound):
    mean: Any = None

    def forward(self, images: Tensor) -> Any:
        self.mean = images.detach().mean() if self.mean is None else self.mean
        return super().forward(images - self.mean)


class WithoutSuper(nn.Module):
    def __init__(self) -> None:
        self.size = 3


class Lazy(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.LazyLinear(1)  # type: ignore[assignment]


class Shared(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.other_head = self.head


class Forgetful(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.offset = torch.rand(())

    def forward(self, images: Tensor) -> Any:
        return super().forward(images) + self.offset


@pytest.mark.parametrize("name", MODELS)
def test_own_models_pass(tiny_model: Callable[..., nn.Module], name: str) -> None:
    check_model(lambda: tiny_model(name))


@pytest.mark.parametrize("model", [Sound, Shared, SeededEachTime])
def test_a_sound_model_passes_also_with_a_module_of_two_names_or_a_seed_of_its_own(model: type) -> None:
    check_model(model)
    check_model(model, torch.rand(2, 3, 17, 23))


FAULTS = [
    (faulty("InPlace", lambda self, images: score(self, images.sub_(0.5))),
     r"InPlace changes the images.*test_check\.py, line \d+: "),
    (faulty("Squeezed", lambda self, images: score(self, images).unsqueeze(1).squeeze()),
     r"Squeezed gives shape \(\) for 1 image;.*test_check\.py, line \d+: "),
    (faulty("Column", lambda self, images: score(self, images).unsqueeze(1)),
     r"Column gives shape \(2, 1\) for 2 images"),
    (faulty("Tuple", lambda self, images: (score(self, images), 1) if self.training else score(self, images)),
     "Tuple gives a tuple in training mode"),
    (NoGradient, "NoGradient: its scores carry no gradient"),
    (faulty("Viewed", lambda self, images: score(self, images.view(len(images), -1).view(images.shape))),
     r"Viewed cannot score two images in the layout channels_last.*test_check\.py, line .*view"),
    (faulty("BatchStatistics", by_its_batch), "BatchStatistics scores an image by what else is in its batch"),
    (faulty("RarelyRandom", lambda self, images: score(self, images) * (torch.rand(()) < 0.9999)),
     "RarelyRandom draws random numbers while it scores.*stochastic = True"),
    (faulty("ByNumpy", lambda self, images: score(self, images) * (np.random.rand() < 0.9999)),  # noqa: NPY002
     "ByNumpy draws random numbers while it scores"),
    (faulty("ByPython", lambda self, images: score(self, images) * (random.random() < 0.9999)),
     "ByPython draws random numbers while it scores"),
    (ByTheFirstBatch, "ByTheFirstBatch scores otherwise once .* or by what it was given before"),
    (WithoutSuper, r"WithoutSuper does not call super\(\).__init__\(\) in its __init__"),
    (Lazy, r"Lazy has no weight 'head.weight' before its first batch"),
    (faulty("Random", lambda self, images: score(self, images + torch.rand(()))),
     "Random gives one image two scores.*stochastic = True"),
    (faulty("NotANumber", lambda self, images: score(self, images) / 0 * 0),
     r"NotANumber gives the scores \[nan, nan\]"),
    (Forgetful, "Forgetful scores otherwise once its weights were saved and loaded"),
    (dict, "a dict is not an nn.Module"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "message"), FAULTS)
def test_each_fault_is_found_and_named(model: type, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        check_model(model)


def test_a_model_that_is_not_trained_shows_a_gradient_where_an_attack_needs_it() -> None:
    check_model(NoGradient, trained=False)
    with pytest.raises(UserError, match=r"NoGradient: its scores carry no gradient.*test_check\.py"):
        check_model(lambda: Adapter(NoGradient()), trained=False, differentiated=True)


def test_a_metric_without_weights_is_told_to_say_that_it_is_not_trained():
    class Contrast(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 2 * images.flatten(1).std(1)

    with pytest.raises(UserError, match=r'Contrast has no weights to train; .* say `recipe = "none"`'):
        check_model(Contrast)
    Contrast.recipe = "none"
    check_model(Contrast)
