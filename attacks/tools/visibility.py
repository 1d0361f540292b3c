"""The visibility of perturbations: PSNR and SSIM between images and their adversarial versions."""

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW, SIGMA = 11, 1.5  # of the Gaussian window, as in the paper
C1, C2 = 0.01**2, 0.03**2  # for pixels in [0, 1]


def psnr(images: Tensor, others: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio (N,) in dB of images (N, C, H, W); infinite where equal."""
    return -10 * (images - others).square().flatten(1).mean(1).log10()


def ssim(images: Tensor, others: Tensor) -> Tensor:
    """Return the structural similarity (N,) of images (N, C, H, W) in [0, 1] (Wang et al. 2004).

        SSIM = mean of (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2))

    over the channels and the places of a Gaussian window that lies inside the image; m are its means, s its
    variances and covariance. NaN for images with a side shorter than the window.
    """
    if min(images.shape[2:]) < WINDOW:
        return torch.full_like(images[:, 0, 0, 0], torch.nan)
    x, y = images.flatten(0, 1).unsqueeze(1), others.flatten(0, 1).unsqueeze(1)
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x, variance_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    similarity = similarity / ((mean_x**2 + mean_y**2 + C1) * (variance_x + variance_y + C2))
    return similarity.view(len(images), -1).mean(1)


def _windowed(images: Tensor) -> Tensor:
    """Return the weighted means of images (M, 1, H, W) at the places of the window."""
    places = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.softmax(-(places**2) / (2 * SIGMA**2), 0)
    return F.conv2d(F.conv2d(images, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
