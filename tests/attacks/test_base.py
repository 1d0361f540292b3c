import pytest
import torch
from torch import nn

from iqabench.attacks.base import checked_images
from iqabench.attacks.tools.gradient import pixel_gradient, undisturbed
from iqabench.attacks.tools.objectives import score_reflection
from iqabench.bench.core.errors import UserError

images, labels = torch.rand(2, 3, 4, 4), torch.tensor([0.1, 0.9])


@pytest.mark.parametrize("epsilon", [-1 / 255, float("nan"), float("inf")])
def test_door_refuses_an_epsilon_outside_the_unit_interval(epsilon):
    with pytest.raises(UserError, match=r"epsilon .*: must lie in \[0, 1\]"):
        checked_images(images, labels, [0.0, epsilon])


def test_door_explains_the_unit_to_someone_who_gave_grey_levels():
    with pytest.raises(UserError, match="give 8/255"):
        checked_images(images, labels, [8])


@pytest.mark.parametrize(
    ("wrong_images", "wrong_labels", "message"),
    [
        (images[0], labels, r"images of shape \(N, 3, H, W\), got \(3, 4, 4\)"),
        (images[:0], labels[:0], r"got \(0, 3, 4, 4\)"),
        ((images * 255).byte(), labels, r"float32 or float64, got torch\.uint8"),
        (images.half(), labels, r"float32 or float64, got torch\.float16"),
        (images + 1, labels, r"images in \[0, 1\]"),
        (images * torch.nan, labels, r"images in \[0, 1\], got values from nan"),
        (images, labels[:1], r"labels of shape \(2,\), got \(1,\)"),
        (images, labels[:, None], r"labels of shape \(2,\), got \(2, 1\)"),
        (images, labels * 100, r"labels in \[0, 1\], got values from 10 to 90"),
        (images, labels * torch.nan, r"labels in \[0, 1\]"),
    ],
)
def test_door_refuses_a_batch_the_contract_does_not_allow(wrong_images, wrong_labels, message):
    with pytest.raises(ValueError, match=message):
        checked_images(wrong_images, wrong_labels, [0.1])


def test_gradient_of_a_linear_score_is_its_weights_against_the_labels_side():
    weights = torch.randn(3, 4, 4, dtype=torch.float64)

    class Linear(nn.Module):
        def forward(self, images):
            return (images * weights).sum(dim=(1, 2, 3))

    gradient = pixel_gradient(Linear(), images.double(), labels.double(), score_reflection)
    torch.testing.assert_close(gradient, torch.stack([weights, -weights]))


def test_gradient_of_an_average_over_samples_is_the_average():
    class Noisy(nn.Module):
        def forward(self, images):
            return images.mean(dim=(1, 2, 3)) * torch.rand(1)

    torch.manual_seed(3)
    gradient = pixel_gradient(Noisy(), images, labels, score_reflection, eot_samples=4)
    torch.manual_seed(3)
    mean_factor = sum(torch.rand(1).item() for _ in range(4)) / 4
    torch.testing.assert_close(gradient[0], torch.full((3, 4, 4), mean_factor / 48))


def test_scores_cut_off_from_the_pixels_are_reported():
    class Cut(nn.Module):
        def forward(self, images):
            return images.detach().mean(dim=(1, 2, 3))

    with pytest.raises(UserError, match="Cut: its scores carry no gradient"):
        pixel_gradient(Cut(), images, labels, score_reflection)


def test_scores_of_another_shape_are_reported():
    class Column(nn.Module):
        def forward(self, images):
            return images.mean(dim=(2, 3))[:, :1]

    with pytest.raises(UserError, match=r"Column: returned scores of shape \(2, 1\) for 2 images"):
        pixel_gradient(Column(), images, labels, score_reflection)


def test_undisturbed_restores_each_modules_mode_and_each_weights_flag_after_an_error():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    model[1].eval()
    model[0].bias.requires_grad_(False)

    def fail():
        with undisturbed(model):
            assert not any(module.training for module in model.modules())
            assert not any(weight.requires_grad for weight in model.parameters())
            raise RuntimeError("in the attack")

    with pytest.raises(RuntimeError, match="in the attack"):
        fail()
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert [weight.requires_grad for weight in model.parameters()] == [True, False, True, True]


def test_gradient_is_zero_where_a_diverged_model_gives_nan():
    class Diverged(nn.Module):
        def forward(self, images):
            return images.mean(dim=(1, 2, 3)) * torch.tensor([torch.nan, 1.0])

    gradient = pixel_gradient(Diverged(), images, labels, score_reflection)
    assert torch.equal(gradient[0], torch.zeros(3, 4, 4))
    torch.testing.assert_close(gradient[1], torch.full((3, 4, 4), -1 / 48))
