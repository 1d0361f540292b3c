"""Models behind defences: order, backward passes, randomness, and what attacks make of them."""

import pytest
import torch
from torch import Tensor, nn

from iqabench.attacks import create_attack
from iqabench.attacks.auto import Auto
from iqabench.bench.core import registry
from iqabench.bench.core.errors import UserError
from iqabench.models.defences import Defended, create_defence

ALL = registry.names("defences")
RANDOM = ["median_smoothing", "noise", "random_resize", "rotation"]


class Weighted(nn.Module):
    """A score that is linear in the pixels, with weights of low frequency."""

    def forward(self, images: Tensor) -> Tensor:
        rows, columns = (torch.linspace(0, 3, side, dtype=images.dtype) for side in images.shape[2:])
        weights = torch.sin(rows).view(-1, 1) * torch.cos(columns)
        return 0.5 + (images * weights).mean((1, 2, 3))


def defended(model: nn.Module, *names: str) -> Defended:
    return Defended(model, [create_defence(name) for name in names]).eval()


def mean_scores(model: Defended, images: Tensor) -> Tensor:
    """Return mean scores over draws that are the same for any images."""
    torch.manual_seed(0)
    with torch.no_grad():
        return torch.stack([model(images) for _ in range(50 if model.stochastic else 1)]).mean(0)


@pytest.mark.parametrize("name", ALL)
def test_a_defence_keeps_shape_type_and_range_and_its_images_apart(pictures: Tensor, name: str) -> None:
    defence, images = create_defence(name), pictures.float()
    before = images.clone()
    together = defence(images)
    assert together.shape == images.shape
    assert together.dtype == images.dtype
    assert -1e-6 <= float(together.min()) <= float(together.max()) <= 1 + 1e-6
    assert torch.equal(images, before)
    assert defence.stochastic == (name in RANDOM)
    if not defence.stochastic:
        torch.testing.assert_close(torch.cat([defence(images[:1]), defence(images[1:])]), together)


def test_an_image_passes_the_defences_in_their_order(pictures: Tensor) -> None:
    expected = Weighted()(create_defence("flip")(create_defence("resize")(pictures)))
    torch.testing.assert_close(defended(Weighted(), "resize", "flip")(pictures), expected)


@pytest.mark.parametrize("name", ALL)
def test_auto_moves_the_scores_of_a_model_behind_any_defence(pictures: Tensor, name: str) -> None:
    """Behind a defence, the attack keeps most of what the score of the bare model can be moved by."""
    quick = {"non_local_means": {"distance": 2}, "median_smoothing": {"samples": 3}}.get(name, {})
    model = Defended(Weighted(), [create_defence(name, **quick)]).eval()
    images = pictures.float()
    found = next(Auto(budget="quick").interval(model, images, [4 / 255]))
    bare = next(Auto(budget="quick").interval(Weighted(), images, [4 / 255]))
    low, high = mean_scores(model, found.low_images), mean_scores(model, found.high_images)
    assert ((high - low) / (bare.high_scores - bare.low_scores) > 0.6).all()


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_a_plain_gradient_attack_goes_through_rounding(pictures: Tensor, name: str) -> None:
    model, images = defended(Weighted(), "jpeg", "bit_depth"), pictures.float()
    attacked = next(create_attack(name).perturb(model, images, torch.ones(2), [8 / 255]))
    assert (model(attacked) < model(images) - 0.002).all()


def test_filters_offer_the_identity_as_a_backward_pass_and_keep_their_scores(pictures: Tensor) -> None:
    model = defended(Weighted(), "median", "flip")
    assert model.backward_passes() == ("identity",)
    pixels = pictures.clone().requires_grad_()
    (of_flip,) = torch.autograd.grad(defended(Weighted(), "flip")(pixels).sum(), pixels)
    with model.backward_through("identity"):
        scores = model(pixels)
        (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    torch.testing.assert_close(scores, model(pictures))
    torch.testing.assert_close(gradient, of_flip)
    (own,) = torch.autograd.grad(model(pixels).sum(), pixels)
    assert not torch.allclose(own, of_flip)


def test_backward_passes_of_the_model_are_offered_with_and_without_those_of_the_defence(
    tiny_model, pictures: Tensor
) -> None:
    model = tiny_model("cprl")
    names = model.backward_passes()
    assert names
    behind = defended(model, "median")
    assert behind.backward_passes() == (*names, "identity", *(f"identity, {name}" for name in names))
    images = torch.rand(1, 3, 64, 64)
    for name in behind.backward_passes():
        with behind.backward_through(name):
            torch.testing.assert_close(behind(images), behind(images.clone()))
    with pytest.raises(ValueError, match="no backward pass 'none'"), behind.backward_through("none"):
        pass


def test_a_model_behind_a_random_defence_says_so(pictures: Tensor) -> None:
    assert defended(Weighted(), "median", "noise").stochastic
    assert not defended(Weighted(), "median").stochastic


def test_unknown_names_and_parameters_are_told() -> None:
    with pytest.raises(UserError, match=r"unknown defence 'medain'.*median"):
        create_defence("medain")
    with pytest.raises(UserError, match="quality"):
        create_defence("jpeg", quality=0)
    with pytest.raises(UserError, match="odd"):
        create_defence("median", size=4)
