"""Flip, rotation, random resizing and noise, against numpy, scipy and torch's own resizing."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch import Tensor
from torch.nn import functional as F

from iqabench.models.defences import create_defence
from iqabench.models.defences.geometry.random_resize import windows
from iqabench.models.defences.geometry.rotation import rotated


def test_flip_mirrors_left_and_right(pictures: Tensor) -> None:
    np.testing.assert_array_equal(create_defence("flip")(pictures), pictures.numpy()[..., ::-1])


@pytest.mark.parametrize("degrees", [-7.0, 0.0, 3.0, 90.0])
def test_rotation_by_an_angle_is_that_of_scipy(pictures: Tensor, degrees: float) -> None:
    found = rotated(pictures, torch.full((2,), degrees, dtype=torch.float64))
    expected = scipy.ndimage.rotate(
        pictures.numpy(), degrees, axes=(2, 3), reshape=False, order=1, mode="nearest"
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_window_of_an_enlarged_image_is_a_crop_of_the_resized_image(pictures: Tensor) -> None:
    """By factors 1.5 and 2, the enlarged images have 36 x 30 and 48 x 40 pixels."""
    positions = torch.tensor([[0.0, 1.0], [0.5, 0.25]], dtype=torch.float64)
    found = windows(pictures, torch.tensor([1.5, 2.0], dtype=torch.float64), positions)
    first = F.interpolate(pictures[:1], (36, 30), mode="bilinear")[:, :, 12:36, 0:20]
    second = F.interpolate(pictures[1:], (48, 40), mode="bilinear")[:, :, 6:30, 10:30]
    torch.testing.assert_close(found, torch.cat([first, second]), atol=1e-9, rtol=0)


def test_noise_has_the_standard_deviation_asked_for_and_stays_in_the_pixel_range() -> None:
    torch.manual_seed(0)
    grey, white = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 3, 64, 64)
    noise = create_defence("noise", sigma=0.05)(grey) - grey
    assert float(noise.std()) == pytest.approx(0.05, rel=0.03)
    assert abs(float(noise.mean())) < 0.002
    assert float(create_defence("noise")(white).max()) <= 1


@pytest.mark.parametrize("name", ["rotation", "random_resize", "noise"])
def test_each_draw_of_a_random_defence_differs_and_its_gradient_is_exact(
    pictures: Tensor, slope_error, name: str
) -> None:
    defence = create_defence(name)
    assert defence.stochastic
    assert not torch.equal(defence(pictures), defence(pictures))

    def one_draw(images: Tensor) -> Tensor:
        torch.manual_seed(0)
        result: Tensor = defence(images)
        return result

    assert slope_error(one_draw, pictures) < 1e-6


@pytest.mark.parametrize("name", ["rotation", "random_resize"])
def test_each_image_of_a_batch_has_a_draw_of_its_own(pictures: Tensor, name: str) -> None:
    first, second = create_defence(name)(pictures[:1].repeat(2, 1, 1, 1))
    assert not torch.equal(first, second)
