"""An explanation of drawn numbers: no model was run for it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from iqabench.bench.explain.activations import StageActivations
from iqabench.bench.explain.explain import Explanation, Origin, ShownImage, View
from iqabench.bench.explain.landscape import Landscape
from iqabench.reports.explain.record import RECORD

COMMAND = "iqabench explain cprl --dataset synthetic"
VERSIONS = {"python": "3.11.7", "iqabench": "0.1.0"}


def drawn_explanation(*, channels: int = 20, **changes: Any) -> Explanation:
    """CPRL beside ResNet on a drawn image of `synthetic`; `changes` are fields of the explanation."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3)) / 255
    image = ShownImage("blur/a.png", "test", 0.25, pixels, "asked for")
    views = (_view("cprl", pixels, 0, channels), _view("resnet", pixels, 1, channels))
    explanation = Explanation("synthetic", True, image, 1.0, views, COMMAND, VERSIONS)
    return replace(explanation, **changes)


def write_hostile_record(folder: Path, out: Path, text: str) -> None:
    """Copy what `write_explanation` wrote, with one text in place of every text that may be a user's."""
    shutil.copytree(folder, out)
    record = json.loads((out / RECORD).read_text())
    record |= dict.fromkeys(("dataset", "image", "chosen", "command"), text)
    record |= {"remarks": [text], "versions": {text: text}}
    for model in record["models"]:
        model |= dict.fromkeys(("model", "variant", "weights", "regime"), text) | {"parameters": {text: text}}
    for figure in record["figures"]:
        figure["words"] = text
    (out / RECORD).write_text(json.dumps(record))


def _view(model: str, image: np.ndarray, seed: int, channels: int) -> View:
    generator = np.random.default_rng(seed)
    steps = np.arange(-10, 11) / 5
    scores = 0.5 + 0.1 * steps * (seed + 1) + 0.01 * generator.random((21, 21))
    adversarial = (image + generator.choice([-1, 1], image.shape) / 255).clip(0, 1)
    stages = tuple(_stage(number, generator, channels, masked=model == "cprl") for number in (3, 4))
    return View(
        model=model,
        origin=Origin("", {"backbone": "resnet18"}, f"w-{model}-0", "clean", 0),
        stochastic=False,
        clean=scores[10, 10],
        attacked=scores[10, 15],
        median_move=0.125 * (seed + 1),
        adversarial=adversarial,
        landscape=Landscape(steps, scores),
        stages=stages,
    )


def _stage(number: int, generator: np.random.Generator, channels: int, *, masked: bool) -> StageActivations:
    clean = generator.random(channels)
    kept = generator.random(channels) if masked else None
    moved = clean + generator.normal(0, 0.1, channels)
    still_kept = 0.7 if masked else None
    stage = StageActivations(number, clean, moved, kept, kept, still_kept, np.zeros(channels, bool))
    return stage.marking(0.2)
