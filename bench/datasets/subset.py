"""Chooses the test images to score under a limit: equal shares of every scene, distortion and level."""

import hashlib

import numpy as np
import pandas as pd

PARTS = 5  # parts of the scale of quality, of which each has its share of the chosen images


def balanced_subset(table: pd.DataFrame, count: int, seed: int) -> np.ndarray:
    """Choose images that represent all, and return their places in the table (count,), ascending.

    One image after the other is taken: the one whose scene, distortion, level of the distortion and part of
    the scale have the smallest shares of their images in the choice so far, on average. So the choice for a
    smaller count is a part of that for a larger one. Names and seed decide between equals, and not the order
    of the table.
    """
    order = table.assign(drawn=[_drawn(path, seed) for path in table["path"]], place=range(len(table)))
    order = order.sort_values("drawn", ignore_index=True)
    groups = _groups(order)
    weights = [1 / np.bincount(codes) for codes in groups]
    filled = np.zeros(len(order))
    chosen = []
    for _ in range(count):
        chosen.append(int(filled.argmin()))
        for codes, weight in zip(groups, weights, strict=True):
            mine = codes[chosen[-1]]
            filled[codes == mine] += weight[mine]
        filled[chosen[-1]] = np.inf
    return np.sort(order["place"].to_numpy()[chosen])


def _groups(table: pd.DataFrame) -> list[np.ndarray]:
    """Return the group of each image in every respect that the choice is balanced in, as a number from 0.

    The level of a distortion is the rank of an image's quality among those of its scene and distortion;
    images without labels have none.
    """
    kinds = [table["scene"], table["distortion"]]
    if table["quality"].notna().any():
        series = table.groupby(["scene", "distortion"], sort=False)["quality"]
        level = series.rank(method="first").astype(int)
        part = PARTS * (table["quality"].rank(method="first") - 1) // len(table)
        kinds += [level, part, table["distortion"].astype(str) + level.astype(str)]
    return [pd.factorize(kind)[0] for kind in kinds]


def _drawn(path: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {path}".encode("utf-8", "surrogatepass")).digest()
