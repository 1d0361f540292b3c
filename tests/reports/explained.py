"""An explanation of drawn numbers: no model was run for it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from iqabench.bench.store.explanation import (
    ExplainedImage,
    ExplainedModel,
    Explanation,
    Landscape,
    StageActivations,
    write_explanation,
)

COMMAND = "iqabench explain cprl --dataset synthetic"
VERSIONS = {"python": "3.11.7", "iqabench": "0.1.0"}


def drawn_explanation(*, channels: int = 20, **changes: Any) -> Explanation:
    """CPRL beside ResNet on a drawn image of `synthetic`; `changes` are fields of the explanation."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3)) / 255
    image = ExplainedImage("blur/a.png", "test", 0.25, pixels, "asked for")
    models = (_model("cprl", pixels, 0, channels), _model("resnet", pixels, 1, channels))
    explanation = Explanation("synthetic", True, image, 1.0, models, COMMAND, VERSIONS)
    return replace(explanation, **changes)


def hostile_explanation(text: str) -> Explanation:
    """One with a text in place of every text that may be a user's."""
    plain = drawn_explanation(channels=300)  # so many that the figure holds pictures
    texts: dict[str, Any] = dict.fromkeys(("name", "variant", "weights", "regime"), text)
    first, second = (replace(model, **texts, parameters={text: text}) for model in plain.models)
    return replace(
        plain,
        dataset=text,
        image=replace(plain.image, path=text, chosen=text),
        models=(first, second),
        command=text,
        versions={text: text},
    )


def write_hostile_explanation(folder: Path, text: str) -> None:
    """Keep `hostile_explanation` in a folder."""
    write_explanation(hostile_explanation(text), folder)


def _model(model: str, image: np.ndarray, seed: int, channels: int) -> ExplainedModel:
    generator = np.random.default_rng(seed)
    steps = np.arange(-10, 11) / 5
    scores = 0.5 + 0.1 * steps * (seed + 1) + 0.01 * generator.random((21, 21))
    adversarial = (image + generator.choice([-1, 1], image.shape) / 255).clip(0, 1)
    stages = tuple(_stage(number, generator, channels, masked=model == "cprl") for number in (3, 4))
    return ExplainedModel(
        name=model, variant="", parameters={"backbone": "resnet18"}, weights=f"w-{model}-0", regime="clean",
        seed=0, stochastic=False, clean=scores[10, 10], attacked=scores[10, 15],
        median_move=0.125 * (seed + 1), adversarial=adversarial, landscape=Landscape(steps, scores),
        stages=stages,
    )  # fmt: skip


def _stage(number: int, generator: np.random.Generator, channels: int, *, masked: bool) -> StageActivations:
    clean = generator.random(channels)
    kept = generator.random(channels) if masked else None
    moved = clean + generator.normal(0, 0.1, channels)
    still_kept = 0.7 if masked else None
    stage = StageActivations(number, clean, moved, kept, kept, still_kept, np.zeros(channels, bool))
    return stage.marking(0.2)
