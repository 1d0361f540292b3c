import os
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFile
from skimage.color import lab2rgb

from iqabench.bench.datasets.decoding import Undecodable, decode_rgb, strict_decoding

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(tmp_path, image, name="image.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def pixels(file):
    image = decode_rgb(file)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_colour_is_taken_as_it_is(tmp_path, name):
    np.testing.assert_array_equal(pixels(saved(tmp_path, Image.fromarray(RGB), name)), RGB)


@pytest.mark.parametrize("name", ["a.bmp", "a.png"])
def test_an_alpha_channel_left_at_zero_hides_nothing(tmp_path, name):
    rgba = np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)])
    np.testing.assert_array_equal(pixels(saved(tmp_path, Image.fromarray(rgba), name)), RGB)


KEY = (200, 100, 50)
"""The transparent colour of images that have one."""
ALPHA = np.array([[255, 0, 51, 204]], np.uint8)
COLOURS = np.array([[KEY, (10, 20, 30), (250, 5, 99), (0, 255, 0)]], np.uint8)
GREYS = COLOURS[..., 0]


def over_white(colours, alpha):
    opacity = alpha[..., None] / 255
    return opacity * colours + (1 - opacity) * 255


def keyed(colours):
    return np.where((colours == colours[:, :1]).all(-1, keepdims=True), 255, colours)


def in_grey(values):
    return np.repeat(values[..., None], 3, -1).astype(float)


def from_ycbcr(values):
    luma, blue, red = (values[..., channel].astype(float) - (0, 128, 128)[channel] for channel in range(3))
    colours = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    return np.stack(colours, -1).clip(0, 255)


def palette(mode):
    indexed = Image.fromarray(np.array([[0, 1, 2, 3]], np.uint8), "L").convert("P")
    indexed.putpalette(COLOURS.flatten().tolist())
    if mode == "PA":
        indexed = indexed.convert("PA")
        indexed.putalpha(Image.fromarray(ALPHA))
    return indexed


MODES = {
    "1": (lambda: Image.fromarray(GREYS).point(lambda value: 255 * (value > 99), "1"), "png", None,
          in_grey(255 * (GREYS > 99))),
    "1 with a key": (lambda: Image.fromarray(GREYS).point(lambda value: 255 * (value > 99), "1"), "png", 0,
                     np.full((1, 4, 3), 255)),
    "L": (lambda: Image.fromarray(GREYS), "png", None, in_grey(GREYS)),
    "L with a key": (lambda: Image.fromarray(GREYS), "png", KEY[0], keyed(in_grey(GREYS))),
    "LA": (lambda: Image.fromarray(np.stack([GREYS, ALPHA], -1), "LA"), "png", None,
           over_white(in_grey(GREYS), ALPHA)),
    "P": (lambda: palette("P"), "png", None, COLOURS),
    "P with a key": (lambda: palette("P"), "png", 0, keyed(COLOURS)),
    "P with an alpha for each colour": (lambda: palette("P"), "png", ALPHA[0].tobytes(),
                                        over_white(COLOURS, ALPHA)),
    "PA": (lambda: palette("PA"), "tif", None, over_white(COLOURS, ALPHA)),
    "RGB": (lambda: Image.fromarray(COLOURS), "png", None, COLOURS),
    "RGB with a key": (lambda: Image.fromarray(COLOURS), "png", KEY, keyed(COLOURS)),
    "RGBA": (lambda: Image.fromarray(np.dstack([COLOURS, ALPHA])), "png", None, over_white(COLOURS, ALPHA)),
    "CMYK": (lambda: Image.fromarray(np.dstack([COLOURS, ALPHA]), "CMYK"), "tif", None,
             (255.0 - COLOURS) * (255 - ALPHA[..., None]) / 255),
    "YCbCr": (lambda: Image.fromarray(COLOURS, "YCbCr"), "tif", None, from_ycbcr(COLOURS)),
    "LAB": (lambda: Image.frombytes("LAB", (1, 1), bytes([138, 4, 3])), "tif", None,
            255 * lab2rgb(np.array([[[138 / 2.55, 4, 3]]]))),
    "I;16": (lambda: Image.fromarray(GREYS.astype(np.uint16) * 257), "png", None, in_grey(GREYS)),
    "I;16 with a key": (lambda: Image.fromarray(GREYS.astype(np.uint16) * 257), "png", KEY[0] * 257,
                        keyed(in_grey(GREYS))),
    "I": (lambda: Image.fromarray(GREYS.astype(np.int32) * 257), "pgm", None, in_grey(GREYS)),
}  # fmt: skip
"""The modes that a file can have: each with an image, a suffix, what is transparent, and the RGB values."""


@pytest.mark.parametrize("name", MODES)
def test_every_mode_with_and_without_transparency_has_the_colours_of_the_formula(tmp_path, name):
    make, suffix, transparency, expected = MODES[name]
    options = {} if transparency is None else {"transparency": transparency}
    file = saved(tmp_path, make(), f"a.{suffix}", **options)
    with Image.open(file) as image:
        assert image.mode == name.split()[0]
    np.testing.assert_allclose(pixels(file), expected, atol=2 if name in ("LAB", "YCbCr") else 1)


def grey_tiff(bits, white_is_zero=False, sample_format=1):
    """A TIFF file of one row of black, a value a quarter of the way to white, white and black."""
    white = 2**bits - 1
    values = [white - value if white_is_zero else value for value in (0, white // 4, white, 0)]
    data = sum(value << (bits * (3 - place)) for place, value in enumerate(values)).to_bytes(bits // 2, "big")
    tags = {256: 4, 257: 1, 258: bits, 259: 1, 262: int(not white_is_zero), 273: 200, 277: 1, 278: 1,
            279: len(data), 339: sample_format}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    if bits == 16:  # in the order of bytes that the head of the file states
        data = np.frombuffer(data, ">u2").astype("<u2").tobytes()
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    return head.ljust(tags[273], b"\0") + data


@pytest.mark.parametrize(
    ("bits", "white_is_zero"), [(8, False), (8, True), (12, False), (16, False), (16, True)]
)
def test_a_grey_tiff_has_its_own_black_and_white(tmp_path, bits, white_is_zero):
    (tmp_path / "a.tif").write_bytes(grey_tiff(bits, white_is_zero))
    shown = pixels(tmp_path / "a.tif")[0].astype(int)
    assert np.abs(shown - [[0] * 3, [64] * 3, [255] * 3, [0] * 3]).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_signed_numbers_have_no_known_range(tmp_path, bits):
    (tmp_path / "a.tif").write_bytes(grey_tiff(bits, sample_format=2))
    with pytest.raises(Undecodable, match="numbers, for which black and white are not known"):
        decode_rgb(tmp_path / "a.tif")


def test_cmyk_is_converted(tmp_path):
    file = saved(tmp_path, Image.new("CMYK", (30, 20), (0, 255, 255, 0)), "a.jpg", quality=95)
    with Image.open(file) as image:
        assert image.mode == "CMYK"
    np.testing.assert_allclose(pixels(file)[5, 5], [255, 0, 0], atol=4)


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    file = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(pixels(file)[0, 0], [255, 0, 0])


def test_an_orientation_mark_is_not_acted_on(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    file = saved(tmp_path, Image.fromarray(RGB), exif=exif)
    np.testing.assert_array_equal(pixels(file), RGB)


def encoded(kind):
    stream = BytesIO()
    Image.fromarray(RGB).resize((300, 200)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "JPEG2000"])
def test_a_truncated_image_is_refused_even_if_pillow_is_lenient(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    file = tmp_path / "cut"
    file.write_bytes(encoded(kind)[: len(encoded(kind)) // 2])
    with strict_decoding(), pytest.raises(Undecodable):
        decode_rgb(file)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def written(content):
    return lambda file: file.write_bytes(content)


def floats(file):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(file, "tiff")


def whole_numbers(file):
    Image.fromarray(GREYS.astype(np.int32)).save(file, "tiff")


REFUSED = {
    "nothing": (written(b""), "empty"),
    "text": (written(b"no pixels here"), "not an image in one of the formats"),
    "a head alone": (written(b"\x89PNG\r\n\x1a\n"), "image"),
    "a program": (written(EPS), "not an image in one of the formats"),
    "a pipe, which is not waited for": (os.mkfifo, "not a regular file"),
    "no file": (lambda file: None, "No such file"),
    "floating point": (floats, "floating-point"),
    "whole numbers": (whole_numbers, "32-bit numbers, for which black and white are not known"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_image_or_has_no_known_range_is_refused(tmp_path, make, reason):
    make(tmp_path / "file.png")
    with pytest.raises(Undecodable, match=reason):
        decode_rgb(tmp_path / "file.png")


def test_an_image_that_is_too_large_is_refused_from_its_header_and_the_limit_can_be_raised(
    tmp_path, monkeypatch
):
    file = tmp_path / "large.png"
    Image.new("1", (12_000, 12_000)).save(file)
    told = "12000 x 12000 pixels are more than the 50 million"
    with monkeypatch.context() as patched:
        patched.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("its pixels are read"))
        with strict_decoding(), pytest.raises(Undecodable, match=told):
            decode_rgb(file)
    small = tmp_path / "small.png"
    Image.new("RGB", (30, 20)).save(small)
    assert decode_rgb(small, largest=600).size == (30, 20)
    with pytest.raises(Undecodable, match="`max_megapixels` of \\[run\\]"):
        decode_rgb(small, largest=599)
