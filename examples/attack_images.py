"""Attack a batch of pictures without a sweep, and write one of the changed pictures as a PNG file."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from drawn import draw
from PIL import Image

import iqabench

EPSILONS = [1 / 255, 2 / 255]  # here in units of the pixel range [0, 1]

with tempfile.TemporaryDirectory() as folder:
    table = pd.read_csv(draw(Path(folder), scenes=2))
    pictures = [np.asarray(Image.open(Path(folder, name))) for name in table["path"]]
images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
labels = torch.tensor(table["score"] / table["score"].max(), dtype=torch.float32)

model = iqabench.create_model("brisque").eval()
attack = iqabench.create_attack("apgd", steps=10)
with torch.no_grad():
    clean = model(images)
for epsilon, attacked in zip(EPSILONS, attack.perturb(model, images, labels, EPSILONS), strict=True):
    with torch.no_grad():
        moved = model(attacked) - clean
    largest = 255 * (attacked - images).abs().max()
    print(
        f"within {255 * epsilon:.0f}/255: largest change {largest:.2f} grey levels, scores moved by {moved}"
    )

picture = (255 * attacked[0]).round().byte().permute(1, 2, 0).numpy()
Image.fromarray(picture).save(Path(tempfile.gettempdir(), "attacked.png"))
