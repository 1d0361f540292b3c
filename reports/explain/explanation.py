"""Writes an explanation: Figures 1, 4 and 5 as SVG, PNG and PDF, the numbers behind them, and in words.

`reports/explain/record.py` keeps what a report needs to show it again.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...bench.core.errors import UserError
from ...bench.core.files import write_text
from ...bench.core.text import listing, number
from ...bench.explain.activations import StageActivations
from ...bench.explain.explain import Explanation, View
from ..catalogue import STAND_IN, dataset_name, model_name
from ..figures.drawing import figure_style, write_drawing
from .figures import draw_figure1, draw_figure4, draw_figure5
from .record import NUMBERS, write_record

_FORMATS = ("svg", "png", "pdf")
_FIGURES: dict[str, Callable[[Explanation], Figure]] = {
    "figure1": draw_figure1,
    "figure4": draw_figure4,
    "figure5": draw_figure5,
}


def write_explanation(explanation: Explanation, out: Path) -> list[Path]:
    """Write the figures of an explanation and the numbers behind them; equal ones give equal bytes.

    - `figure1`: the image, the perturbation and the adversarial image. `figure1.csv` has the scores,
      `figure1-pixels.csv` the pixels and their changes in units of 1/255.
    - `figure4`: the landscapes; `figure4.csv` has a row per model and point.
    - `figure5`: channel activations, where a model has residual stages. `figure5.csv` has a row per model,
      stage and channel, `figure5-change.csv` how far the marked channels and the others move.
    - `explanation.json`, written last: what was explained, for a report to show it.

    Args:
        explanation: What `bench/explain/explain.py` computed.
        out: Folder to write into; made if missing.

    Returns:
        The files written, the figures first.

    Raises:
        UserError: the folder cannot be written.
    """
    with_stages = any(view.stages for view in explanation.views)
    names = [name for name in _FIGURES if name != "figure5" or with_stages]
    tables = {
        "figure1": scores_table(explanation),
        "figure1-pixels": pixels_table(explanation),
        "figure4": landscape_table(explanation),
    }
    if with_stages:
        tables |= {"figure5": activations_table(explanation), "figure5-change": change_table(explanation)}
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for leftover in out.glob("figure5*.*"):  # of a model that had stages
            leftover.unlink()
        for name in names:
            with figure_style(name):
                figure = _FIGURES[name](explanation)
                written += [write_drawing(figure, out / f"{name}.{form}") for form in _FORMATS]
        for name, table in tables.items():
            write_text(
                out / f"{name}.csv", table.to_csv(index=False, float_format=NUMBERS, lineterminator="\n")
            )
            written.append(out / f"{name}.csv")
        written.append(write_record(explanation, figures_in_words(explanation), remarks(explanation), out))
    except OSError as error:
        raise UserError(f"--out {out}: the explanation cannot be written: {error}") from error
    return written


def in_words(explanation: Explanation) -> list[str]:
    """What the figures show, and what a reader has to know about them, in sentences."""
    figures = figures_in_words(explanation)
    return [*(f"Figure {number}: {words}" for number, words in figures.items()), *remarks(explanation)]


def figures_in_words(explanation: Explanation) -> dict[str, str]:
    """What each figure shows, by its number."""
    views = explanation.views
    words = {"1": _on_scores(explanation), "4": _on_landscapes(explanation)}
    return words | ({"5": _on_activations(views)} if any(view.stages for view in views) else {})


def scores_table(explanation: Explanation) -> pd.DataFrame:
    """Figure 1: a row per model with its score of the image and of the adversarial image made for it."""
    return pd.DataFrame(
        {
            "dataset": explanation.dataset,
            "image": explanation.image.path,
            "label": explanation.image.quality,
            "epsilon": explanation.epsilon,
            "model": view.model,
            "clean": view.clean,
            "attacked": view.attacked,
            "median_move": view.median_move,
        }
        for view in explanation.views
    )


def pixels_table(explanation: Explanation) -> pd.DataFrame:
    """Figure 1: a row per pixel of the image, its three values and their changes, in units of 1/255."""
    pixels = 255 * explanation.image.pixels
    changes = 255 * (explanation.views[0].adversarial - explanation.image.pixels)
    rows, columns = np.indices(pixels.shape[:2])
    table = pd.DataFrame({"row": rows.ravel(), "column": columns.ravel()})
    for index, colour in enumerate(("red", "green", "blue")):
        table[colour] = pixels[..., index].ravel().round(4)
        table[f"{colour}_change"] = changes[..., index].ravel().round(4) + 0.0
    return table


def landscape_table(explanation: Explanation) -> pd.DataFrame:
    """Figure 4: a row per model and point, its coordinates in units of 1/255."""
    return pd.concat([_landscape_rows(view) for view in explanation.views], ignore_index=True)


def activations_table(explanation: Explanation) -> pd.DataFrame:
    """Figure 5: a row per model, stage and channel, in the order of the bars."""
    tables = [_channel_rows(view, stage) for view in explanation.views for stage in view.stages]
    return pd.concat(tables, ignore_index=True)


def change_table(explanation: Explanation) -> pd.DataFrame:
    """Figure 5: how far the attack moves the marked channels of each stage, and the others."""
    return pd.DataFrame(
        {
            "model": view.model,
            "stage": stage.stage,
            "which": which,
            "channels": moved.channels,
            "mean_change": moved.change,
            "relative_change": moved.relative,
            "still_kept": stage.still_kept,
        }
        for view in explanation.views
        for stage in view.stages
        for which, moved in (
            (_marked(stage), stage.deviation(stage.marked)),
            ("others", stage.deviation(~stage.marked)),
        )
    )


def _landscape_rows(view: View) -> pd.DataFrame:
    across, along = np.meshgrid(view.landscape.steps, view.landscape.steps, indexing="ij")
    return pd.DataFrame(
        {
            "model": view.model,
            "along_fgsm": along.ravel(),
            "along_random": across.ravel(),
            "score": view.landscape.scores.ravel(),
        }
    )


def _channel_rows(view: View, stage: StageActivations) -> pd.DataFrame:
    order = stage.order
    return pd.DataFrame(
        {
            "model": view.model,
            "stage": stage.stage,
            "rank": np.arange(1, len(order) + 1),
            "channel": order,
            "clean": stage.clean[order],
            "attacked": stage.attacked[order],
            "marked": stage.marked[order],
            "kept_clean": np.nan if stage.kept_clean is None else stage.kept_clean[order],
            "kept_attacked": np.nan if stage.kept_attacked is None else stage.kept_attacked[order],
        }
    )


def _marked(stage: StageActivations) -> str:
    return "largest" if stage.kept_clean is None else "kept most often"


def _on_scores(explanation: Explanation) -> str:
    image = explanation.image
    moves = [
        f"the score of {model_name(view.model)} from {number(view.clean, 3)} to {number(view.attacked, 3)}"
        for view in explanation.views
    ]
    told = (
        f"{image.path} (label {number(image.quality, 3)}; {image.chosen}). FGSM within "
        f"{explanation.epsilon:g}/255 takes {listing(moves)}."
    )
    if any(math.isnan(view.median_move) for view in explanation.views):
        return told
    medians = [f"{number(view.median_move, 3)} for {model_name(view.model)}" for view in explanation.views]
    return f"{told} In the median over these images it moves the score by {listing(medians)}."


def _on_landscapes(explanation: Explanation) -> str:
    views = explanation.views
    whole = [f"{number(view.landscape.spread, 3)} for {model_name(view.model)}" for view in views]
    random = [number(view.landscape.random_spread, 3) for view in views]
    return (
        f"within {explanation.views[0].landscape.steps[-1]:g}/255 along both directions the scores "
        f"span {listing(whole)}; along the random direction alone {listing(random)}."
    )


def _on_activations(views: Sequence[View]) -> str:
    """At the last stage that all models with stages have."""
    shown = [view for view in views if view.stages]
    number_of_stage = min(view.stages[-1].stage for view in shown)
    parts = [
        _on_stage(view, stage) for view in shown for stage in view.stages if stage.stage == number_of_stage
    ]
    return f"at stage {number_of_stage}, {listing(parts)}."


def _on_stage(view: View, stage: StageActivations) -> str:
    name, count = model_name(view.model), stage.marked.sum()
    moved = f"move by {100 * stage.deviation(stage.marked).relative:.0f} % of their activation"
    if stage.still_kept is None:
        return f"the {count} largest channels of {name} {moved}"
    return (
        f"the {count} channels that the mask of {name} keeps most often {moved} (of all it keeps, position "
        f"by position, it still keeps {100 * stage.still_kept:.0f} %)"
    )


def remarks(explanation: Explanation) -> list[str]:
    """What a reader has to know about the figures, in sentences."""
    without = [model_name(view.model) for view in explanation.views if not view.stages]
    random = [model_name(view.model) for view in explanation.views if view.stochastic]
    sentences = []
    if without:
        sentences.append(
            f"Figure 5 leaves out {listing(without)}: it shows the stages of a backbone of residual blocks, "
            "and finds none."
        )
    if random:
        sentences.append(
            f"The scores of {listing(random)} are random; all here are of one draw, which the attack did "
            "not see."
        )
    if explanation.stand_in:
        sentences.append(f"{dataset_name(explanation.dataset)} {STAND_IN}.")
    return sentences
