"""The five distortions of LIVE, at levels from barely visible to severe.

The levels are set so that a level means about the same loss of quality whatever the distortion.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from .fast_fading import fast_fading

Pixels = npt.NDArray[np.uint8]

SOURCE_RATE = 4.0
"""Bits a pixel of the stream that `fastfading` damages: more than LIVE's 2.5: a small picture is denser."""


@dataclass(frozen=True)
class Distortion:
    """A way to distort a picture."""

    # from (H, W, 3) sRGB pixels, a strength and a source of randomness, to pixels of the same shape
    apply: Callable[[Pixels, float, np.random.Generator], Pixels]
    strengths: tuple[float, ...]  # one for each level, mildest first
    unit: str  # what a strength is
    wide: tuple[float, ...] = ()  # strengths over the range that people rated; empty: `strengths`


def jp2k(image: Pixels, bits_per_pixel: float, rng: np.random.Generator) -> Pixels:
    """Compress by JPEG 2000 at a bit rate, through OpenJPEG."""
    return _recoded(
        image,
        "JPEG2000",
        quality_mode="rates",
        quality_layers=[24 / bits_per_pixel],
        irreversible=True,
        no_jp2=True,
    )


def jpeg(image: Pixels, quality: float, rng: np.random.Generator) -> Pixels:
    """Compress by JPEG at a quality setting of libjpeg, 1 to 100, chroma at half the resolution."""
    return _recoded(image, "JPEG", quality=round(quality), subsampling="4:2:0")


def white_noise(image: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise to each channel, of a deviation in units of 1/255."""
    noise = rng.standard_normal(image.shape, np.float32)
    return np.asarray(np.rint((image + deviation * noise).clip(0, 255)).astype(np.uint8))


def gaussian_blur(image: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    """Blur with a Gaussian of a deviation in pixels."""
    smooth = gaussian_filter(image.astype(np.float32), (deviation, deviation, 0), mode="reflect")
    return np.asarray(np.rint(smooth).astype(np.uint8))


def faded(image: Pixels, errors_per_kilopixel: float, rng: np.random.Generator) -> Pixels:
    """Compress by JPEG 2000 at `SOURCE_RATE`, and receive the stream with bit errors."""
    return fast_fading(jp2k(image, SOURCE_RATE, rng), errors_per_kilopixel, rng)


DISTORTIONS: Mapping[str, Distortion] = {
    "jp2k": Distortion(jp2k, (3.2, 1.9, 1.1, 0.65, 0.38), "bits a pixel"),
    "jpeg": Distortion(jpeg, (35, 16, 9, 6, 4), "quality setting"),
    "wn": Distortion(white_noise, (6, 12, 22, 40, 75), "deviation in 1/255", wide=(5, 11, 24, 52, 115)),
    "gblur": Distortion(
        gaussian_blur, (0.5, 0.8, 1.2, 1.8, 3.0), "deviation in pixels", wide=(0.55, 0.95, 1.6, 2.8, 5.0)
    ),
    "fastfading": Distortion(faded, (0.5, 1.5, 4.0, 12.0, 50.0), "bit errors in 1000 pixels"),
}


def _recoded(image: Pixels, codec: str, **options: object) -> Pixels:
    stream = BytesIO()
    Image.fromarray(image).save(stream, codec, **options)
    with Image.open(stream) as decoded:
        return np.asarray(decoded.convert("RGB"))
