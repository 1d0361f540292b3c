"""A database of a few drawn pictures, for the examples: scenes at four levels of noise, half for testing."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def draw(folder: Path, scenes: int = 6) -> Path:
    """Write the pictures and `scores.csv`; return the path of the latter."""
    generator, rows = np.random.default_rng(0), []
    frequency = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.fftfreq(64)).clip(1 / 64)
    for scene in range(scenes):
        field = np.fft.ifft2(np.fft.fft2(generator.normal(0, 1, (48, 64))) / frequency).real
        picture = 128 + 40 * field[..., None] / field.std()  # the power spectrum of natural images
        for level in range(4):
            noisy = picture + generator.normal(0, 4 + 8 * level, (48, 64, 3))
            name = f"scene{scene}-{level}.png"
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name)
            split = ("train", "test")[scene % 2]
            rows.append({"path": name, "score": 3 - level, "scene": scene, "split": split})
    pd.DataFrame(rows).to_csv(folder / "scores.csv", index=False)
    return folder / "scores.csv"


if __name__ == "__main__":  # python drawn.py FOLDER
    print(draw(Path(sys.argv[1])))
