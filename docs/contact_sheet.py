"""Draws the built-in dataset's contact sheet: `python docs/contact_sheet.py docs/images/synthetic.png`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont, ImageOps

from iqabench.bench.datasets.synthetic.adapter import LABELS, Synthetic
from iqabench.bench.datasets.synthetic.generator import REFERENCES
from iqabench.bench.datasets.synthetic.photographs import PHOTOGRAPHS

DISTORTIONS = {
    "jp2k": "JPEG 2000",
    "jpeg": "JPEG",
    "wn": "white noise",
    "gblur": "Gaussian blur",
    "fastfading": "fast fading",
}
DRAWN = ["leaves-04", "leaves-07", "leaves-02", "leaves-38", "leaves-57"]
GRADED = "cat"

GAP = 6
LINE = 18  # height of a line of text
MARGIN = 96  # width of the column with the names of rows
INK = (40, 40, 40)


def contact_sheet(dataset: Synthetic) -> Image.Image:
    """Some pristine scenes, and one scene under all distortions at all levels with the scores."""
    dataset.read()
    labels = pd.read_csv(dataset.root / LABELS)
    step = dataset.size + GAP
    height = 4 * LINE + 2 * step + len(DISTORTIONS) * (step + LINE)
    sheet = Image.new("RGB", (MARGIN + 6 * step, height), "white")
    draw = ImageDraw.Draw(sheet)
    font, bold = ImageFont.load_default(12), ImageFont.load_default(14)

    draw.text((GAP, GAP), "Scenes", INK, bold)
    y = 2 * LINE
    for title, scenes in {"drawn": DRAWN, "photographs": list(PHOTOGRAPHS)}.items():
        draw.text((GAP, y + dataset.size // 2), title, INK, font)
        for column, scene in enumerate(scenes, start=1):
            sheet.paste(_source(dataset, scene), (MARGIN + column * step, y))
        y += step

    draw.text((GAP, y + GAP), "One scene, distorted, and its scores: 1 is best", INK, bold)
    y += 2 * LINE
    sheet.paste(_source(dataset, GRADED), (MARGIN, y))
    draw.text((MARGIN, y + dataset.size + 2), "pristine", INK, font)
    for kind, title in DISTORTIONS.items():
        draw.text((GAP, y + dataset.size // 2), title, INK, font)
        for level, file, score in _graded(dataset, labels, kind):
            sheet.paste(_middle(file), (MARGIN + level * step, y))
            draw.text((MARGIN + level * step, y + dataset.size + 2), f"{score:.2f}", INK, font)
        y += step + LINE
    return sheet


def _source(dataset: Synthetic, scene: str) -> Image.Image:
    return _middle(dataset.root / REFERENCES / f"{scene}.png")


def _middle(file: Path) -> Image.Image:
    """The centre crop, which is what a model is tested on."""
    with Image.open(file) as picture:
        return ImageOps.fit(picture, (picture.height, picture.height))


def _graded(dataset: Synthetic, labels: pd.DataFrame, kind: str) -> Iterator[tuple[int, Path, float]]:
    chosen = labels[(labels["scene"] == GRADED) & (labels["distortion"] == kind)]
    for level, path, score in zip(chosen["level"], chosen["path"], chosen["score"], strict=True):
        yield int(level), dataset.root / str(path), float(score)


if __name__ == "__main__":
    contact_sheet(Synthetic()).save(sys.argv[1], optimize=True)
