"""PSNR and SSIM against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from iqabench.attacks.tools.visibility import psnr, ssim


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((3, 3, 24, 31), generator=generator, dtype=torch.float64)
    noise = torch.rand(images.shape, generator=generator, dtype=torch.float64) - 0.5
    return images, (images + torch.tensor([0.01, 0.1, 0.9]).view(3, 1, 1, 1) * noise).clamp(0, 1)


def test_psnr_is_that_of_scikit_image(pair):
    expected = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1) for a, b in zip(*pair, strict=True)
    ]
    np.testing.assert_allclose(psnr(*pair), expected, rtol=1e-12)


def test_ssim_is_that_of_scikit_image(pair):
    expected = [
        structural_similarity(
            a.numpy(), b.numpy(), data_range=1, channel_axis=0,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for a, b in zip(*pair, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(ssim(*pair), expected, rtol=1e-10)
    np.testing.assert_allclose(ssim(pair[0].float(), pair[1].float()), expected, atol=1e-5)


def test_an_image_is_like_itself_and_a_small_one_has_no_window(pair):
    images, _ = pair
    assert torch.isinf(psnr(images, images)).all()
    torch.testing.assert_close(ssim(images, images), torch.ones(3, dtype=torch.float64))
    assert ssim(images[..., :10], images[..., :10]).isnan().all()


def test_the_gradient_of_ssim_is_right(pair):
    images, others = (part[:1, :, :13, :12] for part in pair)
    assert torch.autograd.gradcheck(lambda pixels: ssim(images, pixels), others.clone().requires_grad_())
