"""The visibility of perturbations: PSNR and SSIM between images and their adversarial versions."""

from functools import lru_cache

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5  # of the Gaussian window, as in the paper
C1, C2 = 0.01**2, 0.03**2  # for pixels in [0, 1]
_CACHED = 1 << 17  # values of the images compared at once, so that a processor keeps them near
_BLOCK = 32  # positions of the window for each matrix product: the matrix of a longer one has more zeros


def psnr(images: Tensor, others: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio (N,) in dB of images (N, C, H, W); infinite where equal."""
    distances: Tensor = torch.linalg.vector_norm(others - images, dim=(1, 2, 3))
    mean = distances.square() / images[0].numel()
    return -10 * mean.log10()


def ssim(images: Tensor, others: Tensor) -> Tensor:
    """Return the structural similarity (N,) of images (N, C, H, W); see `Original.ssim`."""
    return Original(images).ssim(others)


class Original:
    """Images (N, C, H, W) in [0, 1] that versions are compared with; their part of SSIM is computed once."""

    def __init__(self, images: Tensor) -> None:
        self._at_once = max(1, _CACHED // images[0].numel())
        self._parts = [_Part(few) for few in torch.split(images, self._at_once)]

    def ssim(self, others: Tensor) -> Tensor:
        """Return the structural similarity (N,) of other versions (N, C, H, W) (Wang et al. 2004).

            SSIM = mean of (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2))

        over the channels and the positions of a Gaussian window that lies inside the image; m are its means,
        s its variances and covariance. NaN for images with a side shorter than the window.
        """
        if min(others.shape[2:]) < WINDOW:
            return torch.full_like(others[:, 0, 0, 0], torch.nan)
        changed = torch.split(others, self._at_once)
        return torch.cat([part.ssim(few) for part, few in zip(self._parts, changed, strict=True)])


class _Part:
    def __init__(self, images: Tensor) -> None:
        self._images = _maps(images)
        if min(images.shape[2:]) >= WINDOW:
            grey = self._images.mean((-2, -1), keepdim=True)
            self._centred = self._images - grey  # small squares, so that variances keep their digits
            around = _windowed(self._centred)
            self._around, self._mean = around, around + grey
            self._luminance = 2 * self._mean.square() + C1
            self._contrast = 2 * (_windowed(self._centred.square()) - around.square()) + C2

    def ssim(self, others: Tensor) -> Tensor:
        # With d = y - x the two fractions are 1 - m_d^2 / (m_x^2 + m_y^2 + C1) and 1 - s_d^2 / (s_x^2 + s_y^2
        # + C2), where s_x^2 + s_y^2 = 2 s_x^2 + 2 s_xd + s_d^2: so rounding is as small as the change is.
        change = _maps(others) - self._images
        mean, square = _windowed(change), _windowed(change.square())
        product = _windowed(change * self._centred)
        mean_square = mean.square()
        variance = square - mean_square
        covariance = torch.addcmul(product, self._around, mean, value=-1)
        luminance = torch.addcmul(self._luminance + mean_square, self._mean, mean, value=2)
        contrast = torch.add(self._contrast + variance, covariance, alpha=2)
        similarity = (1 - mean_square / luminance) * (1 - variance / contrast)
        return similarity.view(len(others), -1).mean(1)


def _maps(images: Tensor) -> Tensor:
    """Return the channels (N * C, H, W) of images (N, C, H, W), one after the other in memory."""
    return images.contiguous().flatten(0, 1)


def _windowed(maps: Tensor) -> Tensor:
    """Return the weighted means of maps (..., H, W) at the positions of the window.

    They are products with banded matrices, which a CPU computes many times as fast as convolutions of one
    channel.
    """
    rows = torch.cat([part @ _band(part) for part in _parts(maps, -1)], -1)
    return torch.cat([_band(part.mT).mT @ part for part in _parts(rows, -2)], -2)


def _parts(maps: Tensor, dim: int) -> list[Tensor]:
    """Return overlapping parts of maps along one dimension, each with the pixels of a block of positions."""
    places = maps.shape[dim] - WINDOW + 1
    return [
        maps.narrow(dim, start, min(_BLOCK, places - start) + WINDOW - 1)
        for start in range(0, places, _BLOCK)
    ]


def _band(part: Tensor) -> Tensor:
    """Return the matrix that turns rows of this length into their weighted means."""
    return _band_matrix(part.shape[-1], part.dtype, part.device)


@lru_cache(16)
def _band_matrix(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        places = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
        weights = torch.softmax(-(places**2) / (2 * SIGMA**2), 0)
        matrix = torch.zeros(length, length - WINDOW + 1, dtype=torch.float64)
        for place in range(length - WINDOW + 1):
            matrix[place : place + WINDOW, place] = weights
        return matrix.to(device, dtype)
