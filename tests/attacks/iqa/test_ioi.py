"""IOI against numpy's transform and scipy's filters, and its bound on what a change of frequencies can do."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.iqa.ioi import IOI, texture, weak_frequencies
from iqabench.attacks.tools.objectives import ascend, descend

EPSILON = 8 / 255


@pytest.fixture
def pictures(batch):
    """Images with a flat half and a textured half."""
    images = batch.images.double() * 0.5 + 0.25
    images[:, :, :, :5] = 0.5
    return images


def test_the_weights_are_the_contrast_of_three_by_three_pixels(pictures):
    for image, found in zip(pictures, texture(pictures), strict=True):
        contrasts = []
        for channel in image.numpy():
            mean, squares = (
                convolve2d(values, np.full((3, 3), 1 / 9), mode="valid") for values in (channel, channel**2)
            )
            contrasts.append(np.pad(np.sqrt(np.clip(squares - mean**2, 0, None)) / mean, 1))
        shares = np.stack(contrasts) / np.max(contrasts)
        np.testing.assert_allclose(found, np.where(shares < 0.01, 0, np.sqrt(shares)), atol=1e-6)
    assert (texture(pictures)[..., 1:4] == 0).all()


def test_strong_frequencies_of_the_image_are_taken_out_of_the_change(pictures):
    change = 0.01 * torch.randn(
        pictures.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2)
    )
    found = weak_frequencies(change, pictures, 0.1)
    for image, before, after in zip(pictures[0], change[0], found[0], strict=True):
        amplitudes = np.abs(np.fft.fft2(image.numpy()))
        weak = amplitudes < np.sort(amplitudes.ravel())[int(0.9 * amplitudes.size)]
        expected = np.fft.ifft2(np.fft.fft2(before.numpy()) * weak).real
        np.testing.assert_allclose(after, expected, atol=1e-12)
    torch.testing.assert_close(weak_frequencies(change, pictures, 0.0), change)


@pytest.mark.parametrize("objective", [ascend, descend])
def test_it_is_the_filtered_step_of_fgsm_inside_the_ball(objective, model, batch, pictures):
    model, labels = model.double(), batch.labels.double()
    (found,) = IOI().perturb(model, pictures, labels, [EPSILON], objective=objective)
    (step,) = FGSM().perturb(model, pictures, labels, [EPSILON], objective=objective)
    change = texture(pictures) * weak_frequencies(step - pictures, pictures, 0.07)
    expected = (pictures + change.clamp(-EPSILON, EPSILON)).clamp(0, 1)
    gained = objective(model(expected), labels) > objective(model(pictures), labels)
    torch.testing.assert_close(found[gained], expected[gained], atol=1e-7, rtol=0)
    assert gained.any()
    assert torch.equal(found[..., 1:4], pictures[..., 1:4])  # flat places stay
