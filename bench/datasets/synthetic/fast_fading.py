"""What a fading radio channel does to a JPEG 2000 code stream, emulated on its wavelet coefficients.

LIVE's fifth distortion sends JPEG 2000 over a simulated fast-fading channel and decodes what arrives. What
decoders make of a damaged stream differs, and many refuse it, so the stream's structure is imitated: the
coefficients are cut into code blocks, each sent by itself, its bit-planes from the most significant down.
From the first bit error on, the arithmetic decoder has lost its place. The bit-planes above are right; those
from there down are a sample of what its model expects, much like the true ones at other places of the block.
The lowest resolution is taken to arrive intact, being sent first and protected best.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .wavelet import inverse_wavelet, wavelet

Array = npt.NDArray[np.float64]

CODE_BLOCK = 16
"""Side in coefficients; for a picture of 96 pixels about what the usual 64 is for one of LIVE's."""

LOWEST_BIT_PLANE = 1  # planes below are finer than the stream is

# RGB to luma and two chromas (ITU-R BT.601), as in JPEG 2000's irreversible path.
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def fast_fading(
    image: npt.NDArray[np.uint8], errors_per_kilopixel: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Decode a picture (H, W, 3) sRGB after bit errors in its code stream, given per 1000 pixels.

    With a generator in the same state, the errors of a lower rate are among those of a higher one.
    """
    height, width, _ = image.shape
    planes = (image.astype(np.float64) - 128) @ TO_YCBCR.T
    channels = [wavelet(planes[..., channel]) for channel in range(3)]
    blocks = [block for bands in channels for band in bands[:-1] for block in _code_blocks(band)]
    samples = [(rng.permutation(block.size), rng.choice((-1.0, 1.0), block.shape)) for block in blocks]

    streams = [_bits_until(block) for block in blocks]
    starts = np.cumsum([0.0, *(stream[-1] for stream in streams)])
    errors = rng.random(round(errors_per_kilopixel * height * width / 1000)) * starts[-1]
    for block, stream, start, sample in zip(blocks, streams, starts, samples, strict=False):
        within = errors[(errors >= start) & (errors < start + stream[-1])]
        if len(within):
            planes_right = int(np.searchsorted(stream, within.min() - start, side="right")) - 1
            _replace_low_planes(block, len(stream) - 2 - planes_right + LOWEST_BIT_PLANE, *sample)

    for channel, bands in enumerate(channels):
        planes[..., channel] = inverse_wavelet(bands, (height, width))
    decoded = planes @ np.linalg.inv(TO_YCBCR).T + 128
    return np.asarray(np.rint(decoded.clip(0, 255)).astype(np.uint8))


def _code_blocks(band: Array) -> Iterator[Array]:
    for top in range(0, band.shape[0], CODE_BLOCK):
        for left in range(0, band.shape[1], CODE_BLOCK):
            yield band[top : top + CODE_BLOCK, left : left + CODE_BLOCK]


def _bits_until(block: Array) -> Array:
    """Return (P + 1,) bits before each of a block's P bit-planes, most significant first, and in all of them.

    A coefficient takes one bit in each plane from that of its first 1 on, and one for its sign.
    """
    magnitudes = np.abs(block)
    planes = range(int(magnitudes.max()).bit_length() - 1, LOWEST_BIT_PLANE - 1, -1)
    significant = [0, *(int(np.count_nonzero(magnitudes >= 2.0**plane)) for plane in planes)]
    return np.cumsum([0.0, *(2 * now - before for before, now in pairwise(significant))])


def _replace_low_planes(block: Array, highest: int, elsewhere: npt.NDArray[np.int64], signs: Array) -> None:
    """Replace bit-planes up to the highest wrong one by those of coefficients elsewhere in the block."""
    step = 2.0 ** (highest + 1)
    right = np.abs(block) // step * step
    wrong = (np.abs(block) - right).ravel()[elsewhere].reshape(block.shape)
    block[:] = np.where(right > 0, np.sign(block), signs) * (right + wrong)
