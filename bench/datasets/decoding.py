"""Decodes an image file of any kind to 8-bit RGB, or says why that is not possible."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from stat import S_ISREG

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT, TiffImageFile

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are decoded, whatever a file is called. For others, such as EPS, Pillow starts programs."""

LARGEST = 50_000_000
"""Pixels of an image, by default: decoded they take 150 MB, and several are decoded at once."""


class Undecodable(Exception):
    """Says in a few words why a file cannot be decoded to its last pixel."""


def decode_rgb(file: Path, *, largest: int = LARGEST) -> Image.Image:
    """Decode an image file, which may be missing, as `decode_rgb_bytes` does."""
    return decode_rgb_bytes(read_image_file(file), largest=largest)


def read_image_file(file: Path) -> bytes:
    """Return what is in a file; `Undecodable` if it is missing, or a pipe or device, which may never end."""
    try:
        if not S_ISREG(file.stat().st_mode):
            raise Undecodable("not a regular file")
        return file.read_bytes()
    except OSError as error:
        raise Undecodable(error.strerror or str(error)) from error


def decode_rgb_bytes(content: bytes, *, largest: int = LARGEST) -> Image.Image:
    """Return the pixels of an image in 8-bit RGB.

    - Grey is repeated in the three channels, a palette looked up, CMYK converted without a colour profile.
    - 16 bits, and 12 of a TIFF file, are scaled to 8, so that white stays white.
    - What is transparent shows white behind it, as in a browser. An image that is transparent everywhere is
      taken for an opaque one whose alpha channel was left at 0, as many 32-bit BMP files are.
    - An animation gives its first frame.
    - A camera's orientation mark (EXIF) is not acted on: the pixels stand as stored, as in the loaders that
      published numbers come from. For quality as such it makes no difference.

    Args:
        content: Bytes of a file.
        largest: Most pixels that an image may have. Its header tells, before anything is decoded.

    Raises:
        Undecodable: The content is empty, not an image in one of `FORMATS`, too large, damaged, or has no
            known range of values.
    """
    if not content:
        raise Undecodable("the file is empty")
    try:
        with Image.open(BytesIO(content), formats=_installed_formats()) as image:
            if image.width * image.height > largest:
                raise Undecodable(
                    f"{image.width} x {image.height} pixels are more than the {largest / 1e6:g} million that "
                    "`max_megapixels` of [run] allows"
                )
            image.load()
            return _to_rgb(image)
    except UnidentifiedImageError:
        raise Undecodable(f"not an image in one of the formats {', '.join(FORMATS)}") from None
    except Undecodable:
        raise
    except Exception as error:  # decoders fail on bad bytes in as many ways as there are formats
        raise Undecodable(str(error) or type(error).__name__) from error


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Make truncated images errors, even if a library in the process has told Pillow to be lenient.

    Pillow's own limit of pixels is lifted, since `decode_rgb` has one that the user can raise.
    """
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, None
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


@cache
def _installed_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _to_rgb(image: Image.Image) -> Image.Image:
    if isinstance(image, TiffImageFile) and (image.mode == "I" or 2 in image.tag_v2.get(SAMPLEFORMAT, ())):
        raise Undecodable("its values are signed or 32-bit numbers, for which black and white are not known")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode == "F":
        raise Undecodable("its values are floating-point numbers, for which black and white are not known")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        if picture.getchannel("A").getextrema() == (0, 0):
            return picture.convert("RGB")
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    values, white = np.asarray(image), 65535
    if isinstance(image, TiffImageFile):  # of which Pillow gives the numbers as they are
        white = 2 ** image.tag_v2.get(BITSPERSAMPLE, (16,))[0] - 1
        values = white - values if image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0 else values
    if values.min() < 0 or values.max() > white:
        raise Undecodable(f"its values do not lie between 0 and {white}")
    transparent = values == image.info.get("transparency")
    if not transparent.all():
        values = np.where(transparent, white, values)
    return Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8)).convert("RGB")
