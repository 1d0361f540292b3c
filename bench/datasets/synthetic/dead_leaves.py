"""Dead-leaves scenes: occluding discs, whose pictures have the statistics of natural images.

Objects that hide one another at every scale give natural images their edges and their scale-invariant power
spectrum, about 1/f^2 (Ruderman, "Origins of scaling in natural images", 1997; Lee, Mumford and Huang,
"Occlusion models for natural images", 2001). Discs whose radius has density r^-3 do the same. Here they are
stretched into leaves, shaded as by one light and textured, so that no surface is perfectly flat.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

OVERSAMPLING = 2
"""Pixels drawn per pixel kept, each way: edges come out as sharp as those of a scaled-down photograph."""

SMALLEST_RADIUS = 1.5  # in pixels kept
LARGEST_RADIUS = 0.3  # in heights of the picture
LAYERS = 5.0  # mean number of leaves over a point; only exp(-5) of the picture shows the ground under them

MEAN_LIGHTNESS = 0.45
CONTRAST = 0.18  # standard deviation of lightness over the picture

# Colours found together outdoors (sRGB): sky and stone, foliage, earth, water, dusk, flowers.
PALETTES = (
    ((96, 140, 190), (168, 196, 222), (126, 118, 106), (84, 80, 76), (196, 188, 172)),
    ((52, 74, 34), (92, 118, 52), (142, 156, 82), (74, 62, 40), (186, 190, 128)),
    ((110, 78, 50), (158, 118, 78), (202, 172, 128), (70, 52, 40), (116, 112, 72)),
    ((28, 62, 86), (60, 110, 126), (128, 168, 168), (206, 212, 200), (88, 94, 88)),
    ((58, 44, 66), (132, 76, 76), (206, 128, 82), (236, 194, 138), (48, 56, 88)),
    ((70, 96, 48), (160, 70, 72), (206, 170, 92), (116, 80, 112), (208, 198, 188)),
)

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """How a scene is seen. By default all scenes look alike: sharp, dense, and of one contrast."""

    magnification: float = 1.0  # of the smallest leaves; the largest grow up to twice
    softness: float = 0.0  # deviation of the blur of the lens in pixels
    behind: float = 0.0  # share of the leaves that lie behind those in focus
    defocus: float = 0.0  # deviation of their blur in pixels
    lightness: float = MEAN_LIGHTNESS  # mean over the picture
    contrast: float = CONTRAST  # standard deviation of lightness over the picture
    grain: float = 0.0  # deviation of the noise of the sensor, in units of 1/255

    @classmethod
    def of_a_photograph(cls, rng: np.random.Generator) -> "Look":
        """Draw a look, as different from others as the parts of photographs are from one another."""
        return cls(
            magnification=float(np.exp(rng.uniform(0, np.log(6)))),
            softness=rng.uniform(0, 0.8),
            behind=rng.uniform(0.7, 0.97) if rng.random() < 0.5 else 0.0,
            defocus=float(np.exp(rng.uniform(0, np.log(5)))),
            lightness=rng.uniform(0.25, 0.65),
            contrast=rng.uniform(0.06, 0.26),
            grain=rng.uniform(0, 3),
        )


@dataclass(frozen=True)
class _Leaf:
    x: float
    y: float
    radius: float
    stretch: float  # ratio of the axes
    angle: float
    colour: Array
    shading: float  # lightness gained from the middle to the lit rim
    roughness: float  # contrast of the texture
    grain: tuple[int, int]  # where its piece of the texture begins


def dead_leaves(
    height: int, width: int, rng: np.random.Generator, look: Look | None = None
) -> npt.NDArray[np.uint8]:
    """Draw a scene, (height, width, 3) sRGB; if it has no look of its own, it has the usual one."""
    canvas = np.full((height * OVERSAMPLING, width * OVERSAMPLING, 3), 0.4, np.float32)
    light = rng.uniform(0, 2 * np.pi)
    texture = pink_noise(2 * max(canvas.shape), rng)
    look = look or Look()
    leaves = list(_leaves(canvas.shape[0], canvas.shape[1], rng, look.magnification))
    in_focus = round(look.behind * len(leaves))
    for number, leaf in enumerate(leaves):
        if number == in_focus > 0:
            canvas = _blurred(canvas, look.defocus)
        _paint(canvas, leaf, light, texture)
    canvas = _blurred(canvas, look.softness)
    kept = _exposed(canvas.reshape(height, OVERSAMPLING, width, OVERSAMPLING, 3).mean((1, 3)), look)
    if look.grain:
        kept = kept + rng.normal(0, look.grain / 255, (height, width, 1)).astype(np.float32)
    return np.asarray(np.rint(kept.clip(0, 1) * 255).astype(np.uint8))


def pink_noise(side: int, rng: np.random.Generator) -> Array:
    """Draw (side, side) noise of mean 0, deviation 1 and power 1/f^2; it tiles."""
    across = np.fft.rfftfreq(side)
    down = np.fft.fftfreq(side)[:, None]
    frequency = np.hypot(across, down)
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency, (side, side))
    return np.asarray((noise / noise.std()).astype(np.float32))


def _blurred(canvas: Array, deviation: float) -> Array:
    return np.asarray(gaussian_filter(canvas, (*(deviation * OVERSAMPLING,) * 2, 0), mode="reflect"))


def _exposed(picture: Array, look: Look) -> Array:
    """Bring a picture to the mean lightness and contrast that a camera would have chosen."""
    lightness = picture.mean(axis=2)
    return np.asarray(look.lightness + (picture - lightness.mean()) * (look.contrast / lightness.std()))


def _leaves(height: int, width: int, rng: np.random.Generator, magnification: float) -> Iterator[_Leaf]:
    smallest = SMALLEST_RADIUS * OVERSAMPLING * magnification
    largest = LARGEST_RADIUS * height * min(2.0, magnification)
    mean_area = np.pi * 2 * np.log(largest / smallest) / (smallest**-2 - largest**-2)
    margin = 1.5 * largest
    count = round(LAYERS * (width + 2 * margin) * (height + 2 * margin) / mean_area)
    radii = (largest**-2 + rng.random(count) * (smallest**-2 - largest**-2)) ** -0.5
    extent = np.array((width, height))
    centres = rng.uniform(-margin, extent + margin, (count, 2))
    near = np.all((centres > -1.5 * radii[:, None]) & (centres < extent + 1.5 * radii[:, None]), axis=1)
    radii, centres = radii[near], centres[near]
    colours = _colours(centres, extent, rng)
    dullness = rng.uniform(0.7, 1.3)
    for radius, (x, y), colour in zip(radii, centres, colours, strict=True):
        yield _Leaf(
            x=x,
            y=y,
            radius=radius,
            stretch=rng.uniform(1.0, 2.2),
            angle=rng.uniform(0, np.pi),
            colour=colour,
            shading=rng.uniform(0.0, 0.3),
            roughness=dullness * rng.gamma(2.0, 0.05),
            grain=(int(rng.integers(height)), int(rng.integers(width))),
        )


def _colours(
    centres: npt.NDArray[np.float64], extent: npt.NDArray[np.int64], rng: np.random.Generator
) -> Array:
    """Draw colours of leaves; neighbours tend to be of one kind, as the parts of a tree or of a wall are."""
    palette = np.array(PALETTES[rng.integers(len(PALETTES))], np.float32) / 255
    rng.shuffle(palette)
    place = np.clip(centres, 0, extent - 1).astype(int)
    kind = pink_noise(int(extent.max()), rng)[place[:, 1], place[:, 0]] + rng.normal(0, 0.5, len(centres))
    share = np.cumsum(rng.dirichlet(np.full(len(palette), 3.0)))[:-1]
    chosen = palette[np.searchsorted(np.quantile(kind, share), kind)]
    lightness = np.exp(rng.normal(-0.1, 0.22, (len(centres), 1)))
    tint = np.exp(rng.normal(0, 0.04, (len(centres), 3)))
    return np.asarray((chosen * lightness * tint).astype(np.float32))


def _paint(canvas: Array, leaf: _Leaf, light: float, texture: Array) -> None:
    reach = leaf.radius * leaf.stretch**0.5
    height, width, _ = canvas.shape
    top, bottom = max(0, int(leaf.y - reach)), min(height, int(leaf.y + reach) + 2)
    left, right = max(0, int(leaf.x - reach)), min(width, int(leaf.x + reach) + 2)
    if top >= bottom or left >= right:
        return
    down = (np.arange(top, bottom, dtype=np.float32) - leaf.y)[:, None] / leaf.radius
    across = (np.arange(left, right, dtype=np.float32) - leaf.x) / leaf.radius
    along = (across * np.cos(leaf.angle) + down * np.sin(leaf.angle)) / leaf.stretch**0.5
    aside = (down * np.cos(leaf.angle) - across * np.sin(leaf.angle)) * leaf.stretch**0.5
    inside = along**2 + aside**2 < 1
    grain_top, grain_left = leaf.grain
    grain = texture[grain_top : grain_top + bottom - top, grain_left : grain_left + right - left]
    lit = 1 + leaf.shading * (across * np.cos(light) + down * np.sin(light)) + leaf.roughness * grain
    canvas[top:bottom, left:right][inside] = lit[inside, None] * leaf.colour
