"""The numbers behind Figures 1, 4 and 5, as tables."""

import numpy as np
import pandas as pd

from ...bench.store.explanation import ExplainedModel, Explanation, StageActivations

NUMBERS = "%.7g"  # format of the numbers in CSV files of an explanation: about as exact as a model's scores


def scores_table(explanation: Explanation) -> pd.DataFrame:
    """Return Figure 1: a row per model, its score of the image and of the adversarial image made for it."""
    return pd.DataFrame(
        {
            "dataset": explanation.dataset,
            "image": explanation.image.path,
            "label": explanation.image.quality,
            "epsilon": explanation.epsilon,
            "model": model.name,
            "clean": model.clean,
            "attacked": model.attacked,
            "median_move": model.median_move,
        }
        for model in explanation.models
    )


def pixels_table(explanation: Explanation) -> pd.DataFrame:
    """Return Figure 1: a row per pixel of the image, three values and their changes, in units of 1/255."""
    pixels = 255 * explanation.image.pixels
    changes = 255 * (explanation.models[0].adversarial - explanation.image.pixels)
    rows, columns = np.indices(pixels.shape[:2])
    table = pd.DataFrame({"row": rows.ravel(), "column": columns.ravel()})
    for index, colour in enumerate(("red", "green", "blue")):
        table[colour] = pixels[..., index].ravel().round(4)
        table[f"{colour}_change"] = changes[..., index].ravel().round(4) + 0.0
    return table


def landscape_table(explanation: Explanation) -> pd.DataFrame:
    """Return Figure 4: a row per model and point, its coordinates in units of 1/255."""
    tables = []
    for model in explanation.models:
        across, along = np.meshgrid(model.landscape.steps, model.landscape.steps, indexing="ij")
        columns = {"along_fgsm": along, "along_random": across, "score": model.landscape.scores}
        flat = {name: values.ravel() for name, values in columns.items()}
        tables.append(pd.DataFrame({"model": model.name, **flat}))
    return pd.concat(tables, ignore_index=True)


def activations_table(explanation: Explanation) -> pd.DataFrame:
    """Return Figure 5: a row per model, stage and channel, in the order of the bars."""
    tables = [_channel_rows(model, stage) for model in explanation.models for stage in model.stages]
    return pd.concat(tables, ignore_index=True)


def change_table(explanation: Explanation) -> pd.DataFrame:
    """Return how far, in Figure 5, the attack moves the marked channels of each stage, and the others."""
    return pd.DataFrame(
        {
            "model": model.name,
            "stage": stage.stage,
            "which": which,
            "channels": moved.channels,
            "mean_change": moved.change,
            "relative_change": moved.relative,
            "still_kept": stage.still_kept,
        }
        for model in explanation.models
        for stage in model.stages
        for which, moved in (
            ("largest" if stage.kept_clean is None else "kept most often", stage.deviation(stage.marked)),
            ("others", stage.deviation(~stage.marked)),
        )
    )


def _channel_rows(model: ExplainedModel, stage: StageActivations) -> pd.DataFrame:
    order = stage.order
    names = ("clean", "attacked", "marked", "kept_clean", "kept_attacked")
    columns = {name: getattr(stage, name) for name in names}
    return pd.DataFrame(
        {
            "model": model.name,
            "stage": stage.stage,
            "rank": np.arange(1, len(order) + 1),
            "channel": order,
            **{name: np.nan if values is None else values[order] for name, values in columns.items()},
        }
    )
