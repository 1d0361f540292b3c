"""The median visibility of the adversarial images of a cell."""

from collections.abc import Mapping

import numpy as np

KINDS = ("psnr", "ssim")  # columns of a cell with one adversarial image for each image: PSNR in dB, and SSIM

VISIBILITY = (*KINDS, *(f"{end}_{kind}" for end in ("low", "high") for kind in KINDS))
"""These, and the columns of a cell with an adversarial image at either end of each interval."""


def median_visibility(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the medians of PSNR and SSIM over all adversarial images of a cell, given its columns (N,).

    One that is not finite is left out, as where most images did not move or are smaller than SSIM's window.
    """
    medians = {}
    for kind in KINDS:
        values = [columns[name] for name in (kind, f"low_{kind}", f"high_{kind}") if name in columns]
        if values and np.isfinite(median := float(np.median(np.concatenate(values)))):
            medians[kind] = round(median, 6)
    return medians
