"""PLCC and RMSE of a store's cells after a logistic, fitted to the clean scores of the model of each cell."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.errors import UserError
from ..core.progress import counted
from ..core.text import plural
from ..statistics.logistic import Form, Logistic, fit_logistic
from ..statistics.metrics import OK, Measure, point_values
from .cell import of_the_model
from .cell_file import ENDS, WORST, Scores, StoredCell, read_scores
from .metric_cache import CellMetrics

AFTER_LOGISTIC = ("plcc", "rmse", "worst_plcc", "reflection_plcc")  # the metrics that a logistic changes

STATED = (
    "PLCC and RMSE are after a logistic of {form} parameters, fitted to the clean scores of each model on "
    "each dataset and kept under attack; all other metrics are of the scores as they are."
)


def after_logistic(
    cells: Sequence[StoredCell], form: Form, resamples: int
) -> tuple[dict[Path, dict[str, Measure]], list[str]]:
    """Return the metrics `AFTER_LOGISTIC` of each cell by its path, and what has to be said of them.

    A curve says how a metric's scale maps to that of the labels. It belongs to the metric, so it is not
    fitted anew to scores under attack, which would hide a part of what the attack does. Their intervals are
    of the fitted curve as it is. Metrics are undefined where there are no clean scores, where the fit fails
    and where the curve does not rise over all scores of the model, and a note says so.
    """
    models: dict[str, list[StoredCell]] = {}
    for cell in cells:
        model_and_images = json.dumps(of_the_model(cell.provenance["cell"]), sort_keys=True)
        models.setdefault(model_and_images, []).append(cell)
    found: dict[Path, dict[str, Measure]] = {}
    notes = [STATED.format(form=form)]
    undefined = dict.fromkeys(AFTER_LOGISTIC, Measure(np.nan, np.nan, np.nan))
    for of_model in counted(
        list(models.values()), f"logistic of {plural(len(models), 'model')}", len(models)
    ):
        found |= dict.fromkeys((cell.path for cell in of_model), undefined)
        try:
            scores = {cell.path: read_scores(cell) for cell in of_model}
        except ValueError as error:  # damaged since it was listed
            raise UserError(f"a cell of {_named(of_model[0])} cannot be used any more: {error}") from None
        if all(np.isnan(of_cell.quality).all() for of_cell in scores.values()):
            continue
        try:
            curve = _curve(of_model, scores, form)
        except ValueError as error:
            notes.append(f"{_named(of_model[0])}: PLCC and RMSE after a logistic are undefined: {error}.")
            continue
        for path, of_cell in scores.items():
            measures = CellMetrics.of(_mapped(of_cell, curve), resamples).evaluation.measures
            found[path] = {name: measures[name] for name in AFTER_LOGISTIC}
    return found, notes


def _named(cell: StoredCell) -> str:
    fields = cell.provenance["cell"]
    variant = f" ({fields['variant']})" if fields.get("variant") else ""
    return f"{fields['dataset']} / {fields['model']}{variant}"


def _curve(cells: Sequence[StoredCell], scores: dict[Path, Scores], form: Form) -> Logistic:
    """Fit the curve of one model on one dataset; a ValueError says why that cannot be."""
    clean = [scores[cell.path] for cell in cells if cell.provenance["cell"]["attack"] == "none"]
    if not clean:
        raise ValueError("the store has no clean scores to fit it to")
    status = point_values(clean[0].quality, clean[0].score)[1]
    if status != OK:
        raise ValueError(status)
    curve = fit_logistic(clean[0].score, clean[0].quality, form)
    all_scores = np.concatenate([values for of_cell in scores.values() for values in _values(of_cell)])
    reached = all_scores[np.isfinite(all_scores)]
    if not curve.rises(reached.min(), reached.max()):
        raise ValueError("the fitted curve does not rise over all scores of the model")
    return curve


def _values(scores: Scores) -> list[np.ndarray]:
    return [scores.score, *(scores.further[name] for name in (*ENDS, WORST) if name in scores.further)]


def _mapped(scores: Scores, curve: Callable[[np.ndarray], np.ndarray]) -> Scores:
    further = {
        name: curve(values) if name in (*ENDS, WORST) else values for name, values in scores.further.items()
    }
    return replace(scores, score=curve(scores.score), further=further)
