"""PSNR and SSIM against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from iqabench.attacks.tools import visibility
from iqabench.attacks.tools.visibility import Original, psnr, ssim


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((3, 3, 50, 83), generator=generator, dtype=torch.float64)
    noise = torch.rand(images.shape, generator=generator, dtype=torch.float64) - 0.5
    return images, (images + torch.tensor([0.01, 0.1, 0.9]).view(3, 1, 1, 1) * noise).clamp(0, 1)


def test_psnr_is_that_of_scikit_image(pair):
    expected = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1) for a, b in zip(*pair, strict=True)
    ]
    np.testing.assert_allclose(psnr(*pair), expected, rtol=1e-12)


def reference(images, others):
    """Return the SSIM (N,) of scikit-image, in float64."""
    return [
        structural_similarity(
            a.numpy(), b.numpy(), data_range=1, channel_axis=0,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for a, b in zip(images.double(), others.double(), strict=True)
    ]  # fmt: skip


def test_ssim_is_that_of_scikit_image(pair):
    expected = reference(*pair)
    np.testing.assert_allclose(ssim(*pair), expected, rtol=1e-10)
    np.testing.assert_allclose(ssim(pair[0].float(), pair[1].float()), expected, atol=1e-6)


def test_several_versions_are_compared_with_one_original_a_few_images_at_a_time(pair, monkeypatch):
    images, others = (part.float().contiguous(memory_format=torch.channels_last) for part in pair)
    monkeypatch.setattr(visibility, "_CACHED", 2 * images[0].numel())
    original = Original(images)
    np.testing.assert_allclose(original.ssim(others), reference(images, others), atol=1e-6)
    np.testing.assert_allclose(original.ssim(images), [1, 1, 1])


def test_ssim_of_a_bright_flat_image_keeps_its_digits_in_float32():
    images = torch.full((1, 3, 40, 40), 0.97)
    others = images + 0.01 * torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(ssim(images, others), reference(images, others), atol=3e-7)


def test_an_image_is_like_itself_and_a_small_one_has_no_window(pair):
    images, _ = pair
    assert torch.isinf(psnr(images, images)).all()
    torch.testing.assert_close(ssim(images, images), torch.ones(3, dtype=torch.float64))
    assert ssim(images[..., :10], images[..., :10]).isnan().all()


def test_the_gradient_of_ssim_is_right(pair):
    images, others = (part[:1, :, :13, :12] for part in pair)
    assert torch.autograd.gradcheck(lambda pixels: ssim(images, pixels), others.clone().requires_grad_())
