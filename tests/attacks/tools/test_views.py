import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iqabench.attacks.tools.objectives import ascend
from iqabench.attacks.tools.victim import Victim
from iqabench.attacks.tools.views import FiniteDifferences, View, all_views, offered_views, useful_views

WEIGHTS = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def images():
    return 0.1 + 0.8 * torch.rand((4, 3, 8, 8), generator=torch.Generator().manual_seed(1))


def linear(images):
    return (images * WEIGHTS).sum(dim=(1, 2, 3))


def view_of(model, name):
    (view,) = [view for view in all_views(model) if view.name == name]
    return view.scorer


def gradient(scorer, images):
    return Victim(scorer, images, torch.zeros(4), ascend).gradient(images)


def in_place(images):
    pixels = images * 255
    pixels.round_()
    return linear(pixels / 255)


def in_a_guarded_block(images):
    with torch.inference_mode():
        return linear(images)


STOPPED = {
    "round": lambda images: linear(torch.round(images * 255) / 255),
    "floor": lambda images: linear((images * 255).floor() / 255),
    "ceil": lambda images: linear(torch.ceil(images * 255) / 255),
    "trunc": lambda images: linear(torch.trunc(images * 255) / 255),
    "round in place": in_place,
    "cast by to": lambda images: linear((images * 255).to(torch.uint8).float() / 255),
    "cast by a method": lambda images: linear((images * 255).int() / 255),
    "detach": lambda images: linear(images.detach()),
    "data": lambda images: linear(images.data),
    "no_grad": torch.no_grad()(linear),
    "inference_mode": in_a_guarded_block,
    "requires_grad": lambda images: 0 * linear(images) if images.requires_grad else linear(images),
}


@pytest.mark.parametrize("stopped", STOPPED.values(), ids=STOPPED)
def test_sees_through_what_stops_a_gradient_and_keeps_the_value(images, stopped):
    seen = view_of(stopped, "seen through")
    with torch.inference_mode():
        torch.testing.assert_close(seen(images), stopped(images), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient(seen, images), WEIGHTS.expand(4, -1, -1, -1), rtol=1e-5, atol=1e-6)


def test_sign_passes_a_gradient_on():
    class Binary(nn.Module):
        def forward(self, images):
            return linear(torch.sign(images - 0.5))

    pixels = torch.rand(4, 3, 8, 8)
    assert (gradient(view_of(Binary(), "seen through"), pixels) != 0).all()


@pytest.mark.parametrize(
    "saturating",
    [
        torch.sigmoid,
        torch.tanh,
        F.hardsigmoid,
        lambda scores: scores.clamp(0, 1),
        lambda scores: nn.Sigmoid()(scores[:, None])[:, 0],
    ],
)
def test_the_logit_has_the_gradient_that_the_last_saturating_function_lost(images, saturating):
    def model(images):
        return 1 - saturating(100 + linear(images))

    assert not gradient(model, images).any()
    seen = view_of(model, "logit")
    torch.testing.assert_close(gradient(seen, images), -WEIGHTS.expand(4, -1, -1, -1))
    torch.testing.assert_close(seen(images), 1 - (100 + linear(images)))


def test_a_function_inside_the_model_that_saturates_is_none_of_the_logits_business(images):
    def gated(images):
        return linear(torch.sigmoid(images))

    torch.testing.assert_close(view_of(gated, "logit")(images), gated(images))


def test_finite_differences_of_a_linear_score_are_its_slopes_along_their_directions(images):
    estimated = FiniteDifferences(linear, directions=400, step=0.01)
    slope = gradient(estimated, images)
    # Unbiased along each direction: E[u u^T] w is w smoothed over patches, never against it.
    assert ((slope * WEIGHTS).flatten(1).sum(1) > 0.2 * (WEIGHTS**2).sum()).all()
    assert torch.equal(estimated(images), linear(images))


def test_views_of_one_gradient_count_once(images):
    (only,) = useful_views(linear, lambda scorer: gradient(scorer, images))
    assert only.view.name == "own"
    assert only.useful.all()


def test_a_view_is_useful_for_the_images_that_no_view_before_it_shows_a_gradient_for(images):
    threshold = linear(images).sort().values[1]

    def model(images):
        return (linear(images) - threshold - 1e-4).clamp(min=0)

    own, logit = useful_views(model, lambda scorer: gradient(scorer, images))
    assert (own.view.name, logit.view.name) == ("own", "logit")
    assert own.useful.sum() == logit.useful.sum() == 2
    assert not (own.useful & logit.useful).any()


def test_a_model_that_no_view_can_follow_has_none(images):
    def table(images):
        return torch.tensor([round(score, 3) for score in linear(images).tolist()])

    assert useful_views(table, lambda scorer: gradient(scorer, images)) == []
    assert offered_views(table) == []
    assert View("own", table) in list(all_views(table))


def test_what_is_wrong_with_the_model_itself_is_not_swallowed(images):
    def broken(images):
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        useful_views(broken, lambda scorer: gradient(scorer, images))
