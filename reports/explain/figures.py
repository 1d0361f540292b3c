"""Draw Figures 1, 4 and 5 of the CPRL paper from the numbers of an explanation."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import MultipleLocator

from ...bench.core.text import number
from ...bench.store.explanation import ExplainedModel, Explanation, StageActivations
from ..catalogue import Style, marked_dataset, model_name, ordered
from ..figures.drawing import new_figure
from ..figures.palette import INK, MUTED, styles

_SCORES = "cividis"  # even steps of lightness, and the same to the colour-blind
_UNMARKED = "#c3c7ce"
_CHANNELS_AS_SHAPES = 256  # of more, an SVG holds a picture, so that it stays small
_READABLE_ON_ANY_COLOUR: list[AbstractPathEffect] = [withStroke(linewidth=1.8, foreground="#20242c")]


def draw_figure1(explanation: Explanation) -> Figure:
    """Draw the image, its magnified perturbation and the attacked image, above the scores of both models."""
    model, image = explanation.models[0], explanation.image
    figure = new_figure(8.4, 4.4)
    figure.suptitle(
        f"{model_name(model.name)} under FGSM with ε = {explanation.epsilon:g}/255\n{_shown(explanation)}",
        fontsize=10.5,
        parse_math=False,
    )
    rows: Any = figure.subfigures(2, 1, height_ratios=[3.2, 1.2])
    panels = rows[0].subplots(1, 3)
    perturbation = model.adversarial - image.pixels
    magnified = 0.5 / (explanation.epsilon / 255)
    _draw_picture(
        panels[0], image.pixels, "Image", f"score {number(model.clean, 3)}, label {number(image.quality, 3)}"
    )
    _draw_picture(
        panels[1],
        (0.5 + magnified * perturbation).clip(0, 1),
        f"Perturbation, magnified {magnified:.3g} ×",
        f"no value moves by more than {explanation.epsilon:g}/255",
    )
    _draw_picture(panels[2], model.adversarial, "Adversarial image", f"score {number(model.attacked, 3)}")
    _draw_scores(rows[1].subplots(), explanation)
    return figure


def draw_figure4(explanation: Explanation) -> Figure:
    """Draw the landscapes of both models on one scale of colours."""
    models = _in_order(explanation)
    figure = new_figure(8.4, 4.3)
    figure.suptitle(f"Scores around {_shown(explanation)}", fontsize=10.5, parse_math=False)
    scale = _scale(np.concatenate([model.landscape.scores for model in models]))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, model in zip(panels, models, strict=True):
        colours = _draw_landscape(axes, model, explanation.epsilon, scale)
    panels[0].set_ylabel("along a random orthogonal direction, in 1/255")
    bar = figure.colorbar(colours, ax=panels, shrink=0.82, label="score")
    bar.outline.set_visible(False)
    return figure


def draw_figure5(explanation: Explanation) -> Figure:
    """Draw the activations of the channels in descending order: a row per stage, a column per model."""
    models = [model for model in _in_order(explanation) if model.stages]
    numbers = sorted({stage.stage for model in models for stage in model.stages})
    figure = new_figure(4.9 * len(models), 1.0 + 2.7 * len(numbers))
    figure.suptitle(
        f"Channel activations for {_shown(explanation)}; under FGSM with ε = {explanation.epsilon:g}/255\n"
        "±: mean absolute change of a channel (the changes' sum as a share of the activations' sum)",
        fontsize=10.5,
        parse_math=False,
    )
    looks = styles([model.name for model in models])
    panels = figure.subplots(len(numbers), len(models), sharey="row", squeeze=False)
    for axes in panels.flat:
        axes.set_visible(False)
    for row, number_of_stage in enumerate(numbers):
        panels[row, 0].set_ylim(*_activation_limits(models, number_of_stage))
    for column, model in enumerate(models):
        for stage in model.stages:
            axes = panels[numbers.index(stage.stage), column]
            axes.set_visible(True)
            _draw_activations(axes, stage, model, looks[model.name])
            if column == 0:
                axes.set_ylabel("activation, mean over positions")
        panels[-1, column].set_xlabel("channels, in descending order of the clean activation")
    return figure


def _shown(explanation: Explanation) -> str:
    return f"{explanation.image.path} of {marked_dataset(explanation.dataset, explanation.stand_in)}"


def _in_order(explanation: Explanation) -> list[ExplainedModel]:
    """Return the models in the order in which every report has them."""
    names = ordered("model", (model.name for model in explanation.models))
    return sorted(explanation.models, key=lambda model: names.index(model.name))


def _draw_picture(axes: Axes, pixels: np.ndarray, title: str, below: str) -> None:
    axes.imshow(pixels, interpolation="none")
    axes.set_title(title, fontweight="bold")
    axes.set_xlabel(below)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _draw_scores(axes: Axes, explanation: Explanation) -> None:
    """Draw an arrow per model on the scale of scores, from clean to attacked."""
    models = _in_order(explanation)
    looks = styles([model.name for model in models])
    for height, model in enumerate(reversed(models)):
        look = looks[model.name]
        arrow = {"arrowstyle": "-|>", "color": look.light, "linewidth": 1.8, "shrinkA": 4, "shrinkB": 0}
        axes.annotate("", (model.attacked, height), (model.clean, height), arrowprops=arrow)
        axes.plot([model.clean], [height], "o", color=look.light, markerfacecolor="white", markersize=7)
    label = explanation.image.quality
    axes.axvline(label, color=MUTED.light, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    axes.text(label, 1.02, "label", transform=axes.get_xaxis_transform(), ha="center", color=MUTED.light)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(models) - 0.4)
    moves = [
        f"{model_name(model.name)}  {number(model.clean, 3)} → {number(model.attacked, 3)}"
        for model in models
    ]
    axes.set_yticks(range(len(models)), reversed(moves), parse_math=False)
    axes.set_xlabel("score of the image (ring) and of the adversarial image made for the model (arrowhead)")
    axes.grid(visible=False, axis="y")


def _scale(scores: np.ndarray) -> tuple[float, float]:
    """Return the lowest and the highest score, in steps of 0.05; a diverged model's NaN have no colour."""
    defined = scores[np.isfinite(scores)]
    if not defined.size:
        return 0.0, 1.0
    lowest = np.floor(20 * defined.min()) / 20
    return lowest, max(np.ceil(20 * defined.max()) / 20, lowest + 0.05)


def _draw_landscape(
    axes: Axes, model: ExplainedModel, epsilon: float, scale: tuple[float, float]
) -> QuadMesh:
    steps, scores = model.landscape.steps, model.landscape.scores
    half = (steps[1] - steps[0]) / 2
    edges = np.append(steps - half, steps[-1] + half)
    # As a picture at the resolution of the file: shapes of an SVG would have gaps, 21 x 21 pixels be blurred.
    colours = axes.pcolormesh(
        edges, edges, scores, cmap=_SCORES, vmin=scale[0], vmax=scale[1], rasterized=True
    )
    axes.set_aspect("equal")
    tenths = np.arange(1, 10) / 10
    levels = tenths[(tenths > scores.min()) & (tenths < scores.max())]
    if levels.size:
        lines = axes.contour(steps, steps, scores, levels=levels, colors="white", linewidths=0.8)
        for text in axes.clabel(lines, fontsize=7.5, fmt="%.1f"):
            text.set_path_effects(_READABLE_ON_ANY_COLOUR)
    for x, name, score in ((0.0, "image", model.clean), (epsilon, "FGSM", model.attacked)):
        axes.plot([x], [0], "o", color="white", markeredgecolor="black", markersize=5)
        axes.annotate(
            f"{name}\n{number(score, 3)}", (x, 0), (0, -6), textcoords="offset points", ha="center", va="top",
            color="white", fontsize=8.5, path_effects=_READABLE_ON_ANY_COLOUR,
        )  # fmt: skip
    lowest, highest = number(scores.min(), 2), number(scores.max(), 2)
    title = f"{model_name(model.name)}: scores {lowest} to {highest}"
    axes.set_title(title, fontweight="bold", loc="left", parse_math=False)
    axes.set_xlabel("along FGSM's direction, in 1/255")
    axes.xaxis.set_major_locator(MultipleLocator(epsilon))
    axes.yaxis.set_major_locator(MultipleLocator(epsilon))
    axes.grid(visible=False)
    return colours


def _activation_limits(models: list[ExplainedModel], number_of_stage: int) -> tuple[float, float]:
    """Return one scale for a stage in all models, with room for the legend above the bars."""
    stages = [stage for model in models for stage in model.stages if stage.stage == number_of_stage]
    values = np.concatenate([values for stage in stages for values in (stage.clean, stage.attacked)])
    values = values[np.isfinite(values)]
    lowest, highest = values.min(initial=0), values.max(initial=0)
    height = (highest - lowest) or 1.0
    return 1.1 * lowest, highest + 0.4 * height


def _draw_activations(axes: Axes, stage: StageActivations, model: ExplainedModel, look: Style) -> None:
    """Draw bars for the image and points for the attacked one; marked channels have the model's colour."""
    clean, attacked, marked = (values[stage.order] for values in (stage.clean, stage.attacked, stage.marked))
    ranks = np.arange(1, len(clean) + 1)
    edges = np.arange(len(clean) + 1) + 0.5
    many = len(ranks) > _CHANNELS_AS_SHAPES
    axes.stairs(np.where(marked, clean, 0), edges, fill=True, color=look.light, rasterized=many)
    axes.stairs(np.where(marked, 0, clean), edges, fill=True, color=_UNMARKED, rasterized=many)
    point: dict[str, Any] = {"marker": "o", "markersize": 2.0, "markeredgewidth": 0, "linestyle": "none"}
    point["color"] = INK.light
    axes.plot(ranks, attacked, **point, rasterized=many)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_title(
        f"{model_name(model.name)}, stage {stage.stage}", loc="left", fontweight="bold", parse_math=False
    )
    which = "largest" if stage.kept_clean is None else "most often kept by the mask"
    axes.legend(
        handles=[
            Patch(color=look.light, label=f"{stage.marked.sum()} {which}: {_moved(stage, stage.marked)}"),
            Patch(color=_UNMARKED, label=f"{(~stage.marked).sum()} others: {_moved(stage, ~stage.marked)}"),
            Line2D([], [], label="attacked (bars: not attacked)", **point),
        ],
        loc="upper right",
        fontsize=8.5,
        frameon=False,
    )


def _moved(stage: StageActivations, channels: np.ndarray) -> str:
    moved = stage.deviation(channels)
    share = "" if np.isnan(moved.relative) else f" ({100 * moved.relative:.0f} %)"
    return f"± {number(moved.change, 3)}{share}"
