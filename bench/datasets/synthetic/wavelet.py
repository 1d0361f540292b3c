"""The 9/7 wavelet transform of JPEG 2000 (Cohen, Daubechies and Feauveau), by lifting."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEVELS = 4

# Daubechies and Sweldens, "Factoring wavelet transforms into lifting steps" (1998), section 7.7.
PREDICT_AND_UPDATE = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
GAIN = 1.149604398860241


def wavelet(image: Array) -> list[Array]:
    """Decompose a picture (H, W), its right and lower edges mirrored up to a multiple of 2^LEVELS.

    There are 3 LEVELS + 1 bands, finest first: details across, down and both of each level, and last the
    low-pass band. They are scaled so that coefficients have about the deviation of orthonormal ones.
    """
    unit = 2**LEVELS
    height, width = image.shape
    low = np.pad(image, ((0, -height % unit), (0, -width % unit)), mode="symmetric")
    bands = []
    for _ in range(LEVELS):
        left, right = _split(low)
        low, down = (half.T for half in _split(left.T))
        across, both = (half.T for half in _split(right.T))
        bands += [across, down, both]
    return [*bands, low]


def inverse_wavelet(bands: list[Array], shape: tuple[int, ...]) -> Array:
    """Return the picture (H, W) of the given shape from the bands of `wavelet`."""
    *details, low = bands
    for level in reversed(range(LEVELS)):
        across, down, both = details[3 * level : 3 * level + 3]
        left = _merge(low.T, down.T).T
        right = _merge(across.T, both.T).T
        low = _merge(left, right)
    return low[: shape[0], : shape[1]]


def _split(signal: Array) -> tuple[Array, Array]:
    """Return low-pass and high-pass halves along the last axis, of even length, extended symmetrically."""
    even, odd = signal[:, 0::2].copy(), signal[:, 1::2].copy()
    for step in range(0, 4, 2):
        odd += PREDICT_AND_UPDATE[step] * (even + _next(even))
        even += PREDICT_AND_UPDATE[step + 1] * (odd + _previous(odd))
    return even * GAIN, odd / GAIN


def _merge(low: Array, high: Array) -> Array:
    even, odd = low / GAIN, high * GAIN
    for step in (2, 0):
        even -= PREDICT_AND_UPDATE[step + 1] * (odd + _previous(odd))
        odd -= PREDICT_AND_UPDATE[step] * (even + _next(even))
    return np.stack((even, odd), axis=-1).reshape(len(even), -1)


def _next(half: Array) -> Array:
    return np.concatenate((half[:, 1:], half[:, -1:]), axis=1)


def _previous(half: Array) -> Array:
    return np.concatenate((half[:, :1], half[:, :-1]), axis=1)
