"""From an image file of any kind to 8-bit RGB, or to the reason why that cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError


class Undecodable(Exception):
    """Why a file cannot be decoded to its last pixel, in a few words."""


def decode_rgb(file: Path) -> Image.Image:
    """The pixels of an image file, in 8-bit RGB.

    - Grey is repeated in the three channels, a palette looked up, CMYK converted without a colour profile.
    - 16 bits are scaled to 8, so that white stays white.
    - What is transparent shows white behind it, as in a browser.
    - Of an animation, the first frame.
    - A camera's orientation mark (EXIF) is not acted on: the pixels stand as stored, as in the loaders that
      published numbers come from. For quality as such it makes no difference.

    Raises:
        Undecodable: the file is missing, empty, not an image, damaged, or has no known range of values.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Undecodable(error.strerror or str(error)) from error
    return decode_rgb_bytes(content)


def decode_rgb_bytes(content: bytes) -> Image.Image:
    """As `decode_rgb`, from what is in the file."""
    if not content:
        raise Undecodable("the file is empty")
    try:
        with Image.open(BytesIO(content)) as image:
            image.load()
            return _to_rgb(image)
    except UnidentifiedImageError:
        raise Undecodable("not an image") from None
    except Undecodable:
        raise
    except Exception as error:  # decoders fail on bad bytes in as many ways as there are formats
        raise Undecodable(str(error) or type(error).__name__) from error


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Truncated images are errors, even if a library in the process has told Pillow to be lenient."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode == "F":
        raise Undecodable("its values are floating-point numbers, of which black and white are not known")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise Undecodable("its values do not fit into 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8)).convert("RGB")
