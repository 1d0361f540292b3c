"""The colour photographs inside the installed scikit-image."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ...core.errors import UserError

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
}
"""File names of the photographs that are in the package itself; its others would be downloaded."""


def photograph(name: str, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return the middle of one of `PHOTOGRAPHS`, scaled: (height, width, 3) sRGB.

    It is as much of the photograph as has this shape. A UserError says that scikit-image does not have it.
    """
    picture = Image.fromarray(photograph_at_full_size(name))
    return np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS))


def photograph_at_full_size(name: str) -> npt.NDArray[np.uint8]:
    """Return a photograph as it is, (H, W, 3) sRGB; a UserError where scikit-image does not have it."""
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise UserError(
            "the photographs of dataset 'synthetic' are in scikit-image, which is not installed: "
            'pip install "iqabench[synthetic]"'
        )
    file = Path(package.origin).parent / "data" / PHOTOGRAPHS[name]
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise UserError(
            f"{file}: missing from the installed scikit-image, and dataset 'synthetic' is made from it: "
            "pip install --force-reinstall scikit-image"
        ) from error
