"""Bit depth, JPEG and resizing, against numpy, Pillow's own files and Pillow's resampling."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from iqabench.models.defences import create_defence


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_bit_depth_leaves_the_nearest_of_two_to_the_bits_levels(pictures: Tensor, bits: int) -> None:
    levels = np.linspace(0, 1, 2**bits)
    values = pictures.numpy()
    nearest = levels[np.abs(values[..., None] - levels).argmin(-1)]
    np.testing.assert_allclose(create_defence("bit_depth", bits=bits)(pictures), nearest, atol=1e-12)


@pytest.mark.parametrize("quality", [20, 75, 95])
def test_jpeg_gives_the_pixels_of_the_file_that_pillow_writes(pictures: Tensor, quality: int) -> None:
    found = create_defence("jpeg", quality=quality)(pictures.float())
    for picture, compressed in zip(pictures, found, strict=True):
        file = io.BytesIO()
        levels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=2)
        expected = np.asarray(Image.open(file)).transpose(2, 0, 1) / 255
        np.testing.assert_allclose(compressed, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0])
def test_resizing_gives_what_pillow_gives_for_channels_in_floating_point(
    pictures: Tensor, scale: float
) -> None:
    found = create_defence("resize", scale=scale)(pictures)
    height, width = pictures.shape[2:]
    smaller = round(scale * width), round(scale * height)
    for image, expected in zip(found.flatten(0, 1), pictures.flatten(0, 1), strict=True):
        channel = Image.fromarray(expected.float().numpy()).resize(smaller, Image.Resampling.BILINEAR)
        again = np.asarray(channel.resize((width, height), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(image, again, atol=1e-6)


def test_the_gradient_of_resizing_is_exact(pictures, slope_error) -> None:
    assert slope_error(create_defence("resize"), pictures) < 1e-6


def test_rounding_passes_the_gradient_on_unchanged(pictures: Tensor) -> None:
    pixels, weights = pictures.clone().requires_grad_(), torch.randn_like(pictures)
    (gradient,) = torch.autograd.grad((weights * create_defence("bit_depth")(pixels)).sum(), pixels)
    torch.testing.assert_close(gradient, weights)


def test_the_backward_pass_of_jpeg_is_that_of_a_codec_whose_quality_is_perfect(
    pictures: Tensor, slope_error
) -> None:
    """At the highest quality of Pillow, rounding aside, what is left is the resolution of the colours."""
    jpeg = create_defence("jpeg", quality=95)
    smooth = torch.nn.functional.interpolate(pictures[:, :, ::8, ::8], scale_factor=8, mode="bicubic")
    images = smooth.clamp(0.1, 0.9)[:, :, :24, :20].contiguous()
    pixels, step = images.clone().requires_grad_(), 12 / 255
    brighter = torch.zeros_like(images)
    brighter[:, :, 8:16, 8:16] = step
    (gradient,) = torch.autograd.grad(jpeg(pixels).sum(), pixels)
    with torch.no_grad():
        rise = (jpeg(images + brighter) - jpeg(images)).sum()
    assert float((gradient * brighter).sum()) == pytest.approx(float(rise), rel=0.02)
