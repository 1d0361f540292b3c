"""Heights of labels at the side of a figure, so that no two touch."""

from collections.abc import Sequence

import numpy as np


def spread(heights: Sequence[float], gap: float, limits: tuple[float, float]) -> list[float]:
    """Return ascending heights moved apart to at least `gap`, as little as possible in least squares.

    Isotonic regression of the heights less their share of gaps, by its minimax formula.
    """
    steps = gap * np.arange(len(heights))
    shifted = np.asarray(heights) - steps
    count = range(len(heights))
    apart = steps + [
        max(min(shifted[i : j + 1].mean() for j in count[k:]) for i in count[: k + 1]) for k in count
    ]
    overflow = max(0.0, apart[-1] - limits[1]) if len(heights) else 0.0
    return [float(height) for height in apart - overflow]
