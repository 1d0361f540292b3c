"""Corruptions: further from the image with each severity, and some of them against numbers."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch import Tensor

from iqabench.bench.datasets.corruptions.everyday import CORRUPTIONS, SEVERITIES, corrupted


@pytest.fixture
def picture() -> Tensor:
    """A picture (1, 3, 90, 76) of a few colours, with texture."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 5, 4, generator=generator)
    coarse = torch.nn.functional.interpolate(coarse, (90, 76), mode="bilinear")
    return (0.15 + 0.6 * coarse + 0.05 * torch.randn(1, 3, 90, 76, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_step_of_severity_leads_further_from_the_image(picture: Tensor, name: str) -> None:
    torch.manual_seed(0)
    found = [corrupted(picture, name, severity) for severity in SEVERITIES]
    assert all(image.shape == picture.shape for image in found)
    assert all(0 <= float(image.min()) <= float(image.max()) <= 1 for image in found)
    distances = [float((image - picture).norm()) for image in found]
    assert distances[0] > 0
    assert distances == sorted(distances)


def test_blur_and_noise_have_their_strengths(picture: Tensor) -> None:
    expected = scipy.ndimage.gaussian_filter(picture.numpy(), 2, axes=(2, 3), mode="mirror", truncate=3)
    np.testing.assert_allclose(corrupted(picture, "gaussian_blur", 2), expected, atol=1e-5)
    torch.manual_seed(0)
    grey = torch.full((1, 3, 64, 64), 0.5)
    assert float((corrupted(grey, "gaussian_noise", 1) - grey).std()) == pytest.approx(0.08, rel=0.05)
    set_to_ends = (corrupted(grey, "impulse_noise", 5) != grey).double().mean()
    assert float(set_to_ends) == pytest.approx(0.27, rel=0.05)


def test_a_small_image_can_be_blurred() -> None:
    assert corrupted(torch.rand(1, 3, 16, 16), "gaussian_blur", 5).shape == (1, 3, 16, 16)
