"""Filters against scipy, scikit-image and formulas worked out pixel by pixel."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import torch
from skimage import restoration
from torch import Tensor

from iqabench.models.defences import create_defence


def last(images: Tensor) -> np.ndarray:
    """Return images (N, 3, H, W) as (N, H, W, 3)."""
    return images.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("sigma", [0.6, 1.5, 4.0])
def test_gaussian_blur_is_that_of_scipy(pictures: Tensor, sigma: float) -> None:
    expected = scipy.ndimage.gaussian_filter(pictures.numpy(), sigma, axes=(2, 3), mode="nearest")
    np.testing.assert_allclose(create_defence("gaussian", sigma=sigma)(pictures), expected, atol=1e-12)


@pytest.mark.parametrize("size", [3, 5])
def test_the_median_is_that_of_scipy(pictures: Tensor, size: int) -> None:
    expected = scipy.ndimage.median_filter(pictures.numpy(), (1, 1, size, size), mode="nearest")
    np.testing.assert_array_equal(create_defence("median", size=size)(pictures), expected)


def test_unsharp_masking_adds_what_the_blur_of_scipy_takes_away(pictures: Tensor) -> None:
    images = pictures.numpy()
    blurred = scipy.ndimage.gaussian_filter(images, 2.0, axes=(2, 3), mode="nearest")
    expected = np.clip(images + 1.5 * (images - blurred), 0, 1)
    found = create_defence("unsharp", sigma=2.0, amount=1.5)(pictures)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_bilateral_filter_is_its_formula_worked_out_pixel_by_pixel(pictures: Tensor) -> None:
    """That of scikit-image has weights of space which are off centre, so it is no reference."""
    found = create_defence("bilateral", sigma_space=1.0, sigma_colour=0.2)(pictures)
    around = np.pad(pictures[1].numpy(), ((0, 0), (2, 2), (2, 2)), mode="edge")
    for row, column in [(0, 0), (5, 19), (11, 7), (23, 10)]:
        here, total, weights = around[:, row + 2, column + 2], 0.0, 0.0
        for down, right in itertools.product(range(-2, 3), repeat=2):
            there = around[:, row + 2 + down, column + 2 + right]
            weight = np.exp(-(down**2 + right**2) / 2 - ((there - here) ** 2).sum() / (2 * 0.2**2))
            total, weights = total + weight * there, weights + weight
        np.testing.assert_allclose(found[1, :, row, column], total / weights, atol=1e-12)


@pytest.mark.parametrize("iterations", [1, 2, 30])
def test_total_variation_is_the_iteration_of_scikit_image(pictures: Tensor, iterations: int) -> None:
    found = last(create_defence("total_variation", weight=0.1, iterations=iterations)(pictures))
    for image, expected in zip(found, last(pictures), strict=True):
        reference = restoration.denoise_tv_chambolle(
            expected, weight=0.1, eps=0, max_num_iter=iterations, channel_axis=-1
        )
        np.testing.assert_allclose(image, reference.clip(0, 1), atol=1e-10)


def test_non_local_means_is_its_formula_worked_out_pixel_by_pixel(pictures: Tensor) -> None:
    found = create_defence("non_local_means", strength=0.2, patch_size=3, distance=2)(pictures)
    image = pictures[1].numpy()
    around = np.pad(image, ((0, 0), (3, 3), (3, 3)), mode="edge")

    def patch(row: int, column: int) -> np.ndarray:
        return around[:, row + 2 : row + 5, column + 2 : column + 5]

    for row, column in [(0, 0), (5, 19), (11, 7), (23, 10)]:
        total, weights = 0.0, 0.0
        for down, right in itertools.product(range(-2, 3), repeat=2):
            other = patch(row + down, column + right)
            weight = np.exp(-((patch(row, column) - other) ** 2).mean() / 0.2**2)
            total, weights = total + weight * other[:, 1, 1], weights + weight
        np.testing.assert_allclose(found[1, :, row, column], total / weights, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["gaussian", "median", "unsharp", "bilateral", "total_variation", "non_local_means"]
)
def test_gradients_are_exact(pictures: Tensor, slope_error, name: str) -> None:
    assert slope_error(create_defence(name), pictures) < 1e-4


@pytest.mark.parametrize("name", ["bilateral", "total_variation", "non_local_means"])
def test_gradients_of_flat_images_are_finite(name: str) -> None:
    pixels = torch.full((1, 3, 12, 12), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(create_defence(name)(pixels).square().sum(), pixels)
    assert gradient.isfinite().all()
