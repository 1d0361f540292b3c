"""Say in sentences what Figures 1, 4 and 5 show, and what a reader has to know about them."""

import math

from ...bench.core.text import listing, number
from ...bench.store.explanation import ExplainedModel, Explanation, StageActivations
from ..catalogue import STAND_IN, dataset_name, model_name


def in_words(explanation: Explanation) -> list[str]:
    """Say what each figure shows, then what a reader has to know."""
    figures = figures_in_words(explanation)
    return [*(f"Figure {name}: {words}" for name, words in figures.items()), *remarks(explanation)]


def figures_in_words(explanation: Explanation) -> dict[str, str]:
    """Say what each figure shows, by its number; there is no Figure 5 without residual stages."""
    words = {"1": _on_scores(explanation), "4": _on_landscapes(explanation)}
    return words | ({"5": _on_activations(explanation)} if has_stages(explanation) else {})


def has_stages(explanation: Explanation) -> bool:
    """Return whether there is a Figure 5."""
    return any(model.stages for model in explanation.models)


def remarks(explanation: Explanation) -> list[str]:
    """Say what a reader has to know about the figures."""
    without = [model_name(model.name) for model in explanation.models if not model.stages]
    random = [model_name(model.name) for model in explanation.models if model.stochastic]
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


def _on_scores(explanation: Explanation) -> str:
    image, models = explanation.image, explanation.models
    moves = [
        f"the score of {model_name(model.name)} from {number(model.clean, 3)} to {number(model.attacked, 3)}"
        for model in models
    ]
    told = (
        f"{image.path} (label {number(image.quality, 3)}; {image.chosen}). FGSM within "
        f"{explanation.epsilon:g}/255 takes {listing(moves)}."
    )
    if any(math.isnan(model.median_move) for model in models):
        return told
    medians = [f"{number(model.median_move, 3)} for {model_name(model.name)}" for model in models]
    return f"{told} In the median over these images it moves the score by {listing(medians)}."


def _on_landscapes(explanation: Explanation) -> str:
    models = explanation.models
    whole = [f"{number(model.landscape.spread, 3)} for {model_name(model.name)}" for model in models]
    random = [number(model.landscape.random_spread, 3) for model in models]
    return (
        f"within {models[0].landscape.steps[-1]:g}/255 along both directions the scores "
        f"span {listing(whole)}; along the random direction alone {listing(random)}."
    )


def _on_activations(explanation: Explanation) -> str:
    """Speak of the last stage that all models with stages have."""
    shown = [model for model in explanation.models if model.stages]
    last = min(model.stages[-1].stage for model in shown)
    parts = [_on_stage(model, stage) for model in shown for stage in model.stages if stage.stage == last]
    return f"at stage {last}, {listing(parts)}."


def _on_stage(model: ExplainedModel, stage: StageActivations) -> str:
    name, count = model_name(model.name), stage.marked.sum()
    moved = f"move by {100 * stage.deviation(stage.marked).relative:.0f} % of their activation"
    if stage.still_kept is None:
        return f"the {count} largest channels of {name} {moved}"
    return (
        f"the {count} channels that the mask of {name} keeps most often {moved} (of all it keeps, position "
        f"by position, it still keeps {100 * stage.still_kept:.0f} %)"
    )
