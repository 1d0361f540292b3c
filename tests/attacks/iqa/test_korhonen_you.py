"""Korhonen & You against scipy's filters and torch's Adam."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from iqabench.attacks.iqa.korhonen_you import KorhonenYou, activity
from iqabench.attacks.tools.objectives import ascend, descend


def test_the_activity_is_scipys_sobel_dilated_by_a_disc(batch):
    disc = np.ones((5, 5), bool)
    disc[[0, 0, -1, -1], [0, -1, 0, -1]] = False
    for image, found in zip(batch.images.double(), activity(batch.images.double()), strict=True):
        luma = np.tensordot([0.299, 0.587, 0.114], image.numpy(), 1)
        slopes = (ndimage.sobel(luma, 0) / 8) ** 2 + (ndimage.sobel(luma, 1) / 8) ** 2
        inner = np.zeros_like(slopes)
        inner[1:-1, 1:-1] = slopes[1:-1, 1:-1]
        expected = ndimage.grey_dilation(inner / inner.max(), footprint=disc, mode="constant")
        np.testing.assert_allclose(found[0], expected, atol=1e-12)
    assert (activity(torch.full((1, 3, 8, 8), 0.3)) == 1).all()


@pytest.mark.parametrize("objective", [ascend, descend])
def test_in_a_ball_that_does_not_bind_it_is_torchs_adam_on_weighted_gradients(objective, model, batch):
    model, batch = model.double(), batch.to(torch.float64)
    images = batch.images * 0.5 + 0.25
    attack = KorhonenYou(steps=6, step_size=0.002)
    (found,) = attack.perturb(model, images, batch.labels, [0.2], objective=objective)
    pixels = images.clone().requires_grad_()
    optimiser = torch.optim.Adam([pixels], lr=0.002)
    for _ in range(6):
        optimiser.zero_grad()
        objective(model(pixels), batch.labels).neg().sum().backward()
        pixels.grad.mul_(activity(images) / 255)
        optimiser.step()
    with torch.no_grad():
        assert (objective(model(pixels), batch.labels) > objective(model(images), batch.labels)).all()
    torch.testing.assert_close(found, pixels.detach(), atol=1e-10, rtol=0)


def test_pixels_without_activity_around_them_stay(model, batch):
    images = torch.full((1, 3, 24, 24), 0.5)
    images[:, :, 4:8, 4:8] = 0.8
    (found,) = KorhonenYou().perturb(model, images, batch.labels[:1], [4 / 255])
    moved = (found != images).any(1)[0]
    assert moved[4:8, 4:8].any()
    assert not moved[14:].any()
