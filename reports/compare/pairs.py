"""Finds what two models were both measured under, and compares them there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from ...bench.core.errors import UserError, nearest
from ...bench.core.progress import counted
from ...bench.statistics.bootstrap import Array, weighted_srocc
from ...bench.statistics.intervals import attainable
from ...bench.statistics.metrics import cached_counts
from ...bench.statistics.paired import RESAMPLES, Difference, Statistic, holm, paired_difference
from ...bench.statistics.robustness_scores import median
from ...bench.statistics.worst_case import worst_case_srocc
from ...bench.store.cell_file import WORST, Scores, read_scores
from ...bench.store.condition import attack_phrase
from ...bench.store.metric_cache import attacked_scores
from ...bench.store.newest import newest
from ...bench.store.results import read_results
from ...bench.store.store import Store
from ..catalogue import higher_is_better, in_order

LEVEL = 0.05  # chance of a false difference among all of a comparison that is accepted
FEWEST_IMAGES = 10  # images in common below which nothing is compared

_ATTACKED = "attacked"  # the scores that SROCC is of
_Condition = tuple[str, str, float]


@dataclass(frozen=True)
class Compared:
    """Two models under one condition, by one metric."""

    dataset: str
    attack: str
    epsilon: float  # in units of 1/255
    metric: str  # `srocc`, `worst_srocc` or `median_width`
    images: int  # number of images that both were measured on
    difference: Difference  # the values, and second minus first
    control: bool = False  # whether the attack is a control, which does not look at the model
    p: float = float("nan")  # Holm's corrected p-value

    @property
    def ahead(self) -> int:
        """1 or 2: the model that is better beyond chance; 0: they cannot be told apart."""
        if not self.p < LEVEL:
            return 0
        return 2 if (self.difference.value > 0) == higher_is_better(self.metric) else 1


@dataclass(frozen=True)
class Comparison:
    """Two models, by name, wherever both were measured on the same images."""

    first: str
    second: str
    compared: tuple[Compared, ...]  # a row for each condition and metric
    notes: tuple[str, ...]  # what is not compared, or not alike, in sentences


def compare(first: str, second: str, store: Path, against: Path | None = None) -> Comparison:
    """Compare two models by a paired bootstrap under every condition that both were measured under.

    A model is named with its variant in parentheses, if it has one.

    Raises:
        UserError: a store cannot be read, has no such model, or nothing can be compared.
    """
    models = [_find(first, store), _find(second, against or store)]
    keys = [{key for rows in model.values() for key in rows["key"]} for model in models]
    if keys[0] == keys[1]:
        raise UserError(
            f"{first} and {second} are the same cells: name another model, or `--against` a store"
        )
    common = [condition for condition in models[0] if condition in models[1]]
    compared: list[Compared] = []
    notes: list[str] = []
    for condition in counted(common, "comparing", len(common)):
        of_models = [model[condition] for model in models]
        sides = [[read_scores(cell) for cell in rows["cell"]] for rows in of_models]
        rows = pd.concat(of_models)
        notes += _unlike(rows, condition)
        images, why = _common_images([*sides[0], *sides[1]])
        if why:
            notes.append(f"Not compared: {attack_phrase(*condition[1:])} on {condition[0]}: {why}.")
            continue
        found = _under(condition, [[_only(scores, images) for scores in side] for side in sides])
        compared += [replace(one, control=bool(rows["control"].all())) for one in found]
    if not compared:
        why = "".join(f" {note}" for note in notes)
        raise UserError(
            f"{first} and {second} have no condition in common: run both on the same datasets, attacks and "
            f"epsilons.{why}"
        )
    corrected = holm([one.difference.p for one in compared])
    return Comparison(
        first if against is None else f"{first} of {store}",
        second if against is None else f"{second} of {against}",
        tuple(replace(one, p=p) for one, p in zip(compared, corrected, strict=True)),
        tuple(dict.fromkeys(notes)),
    )


def _find(name: str, store: Path) -> dict[_Condition, pd.DataFrame]:
    """Return the newest rows of a model by condition, a seed each, with their cells in a column `cell`."""
    frame = in_order(read_results(store, resamples=0).frame)
    names = [
        f"{model}{f' ({variant})' * bool(variant)}{f', {regime}' * (regime != 'clean')}"
        for model, variant, regime in zip(frame["model"], frame["variant"], frame["regime"], strict=True)
    ]
    rows = frame[[name == found for found in names]]
    if rows.empty:
        raise UserError(f"{store}: no model {name!r}: {nearest(name, sorted(set(names)))}")
    rows = newest(rows, ["dataset", "seed"])
    cells = {cell.key: cell for cell in Store(store).cells()}
    groups = rows.assign(cell=rows["key"].map(cells)).groupby(["dataset", "attack", "epsilon"], sort=False)
    return {cast(_Condition, condition): of_condition for condition, of_condition in groups}


def _common_images(cells: Sequence[Scores]) -> tuple[list[str], str]:
    """Return the images that all cells have, and why they cannot be compared on them, if they cannot."""
    images = sorted(set.intersection(*(set(scores.images) for scores in cells)))
    if len(images) < FEWEST_IMAGES:
        return images, f"{len(images)} images in common, at least {FEWEST_IMAGES} are needed"
    labels = [_only(scores, images).quality for scores in cells]
    if any(not np.array_equal(labels[0], other, equal_nan=True) for other in labels):
        return images, "the same images have other labels"
    return images, ""


def _only(scores: Scores, images: Sequence[str]) -> Scores:
    """Return the scores of some images, with the worst case and the reflection that were chosen on all."""
    further = dict(scores.further)
    further[_ATTACKED] = attacked_scores(scores)
    if scores.ends is not None and WORST not in further and np.isfinite(scores.quality).all():
        further[WORST] = worst_case_srocc(scores.quality, *attainable(scores.score, *scores.ends)).scores
    places = {image: place for place, image in enumerate(scores.images)}
    rows = [places[image] for image in images]
    kept = {name: values[rows] for name, values in further.items()}
    return Scores(tuple(images), scores.quality[rows], scores.score[rows], kept)


def _under(condition: _Condition, sides: Sequence[Sequence[Scores]]) -> Iterator[Compared]:
    """Compare the sides by each metric of the condition."""
    quality = sides[0][0].quality
    counts = cached_counts(len(quality), RESAMPLES, 0)
    intervals = all(scores.ends is not None for side in sides for scores in side)
    undefined = Difference(*[float("nan")] * 5)

    def compared(metric: str, statistic: Statistic, values: list[list[Array]]) -> Compared:
        first, second = values
        finite = all(np.isfinite(one).all() for one in (*first, *second))
        found = paired_difference(statistic, first, second, counts) if finite else undefined
        return Compared(*condition, metric, len(quality), found)

    if np.isfinite(quality).all():
        ranked = WORST if intervals else _ATTACKED
        scores = [[one.further[ranked] for one in side] for side in sides]
        yield compared("worst_srocc" if intervals else "srocc", partial(weighted_srocc, quality), scores)
    if intervals:
        yield compared("median_width", median, [[_width(one) for one in side] for side in sides])


def _width(scores: Scores) -> Array:
    assert scores.ends is not None
    low, high = attainable(scores.score, *scores.ends)
    return high - low


def _unlike(rows: pd.DataFrame, condition: _Condition) -> Iterator[str]:
    """Say what differs between the cells besides the model."""
    dataset, attack, epsilon = condition
    run = f"{attack_phrase(attack, epsilon)} on {dataset}"
    if rows["attack_params"].nunique() > 1:
        yield f"{run} was run with different parameters; the weaker attack makes its model look better."
    if rows["attack_version"].nunique() > 1 or rows["attack_source"].nunique(dropna=False) > 1:
        yield f"{run} was run by several versions of its code; run both models with the same."
    if rows["precision"].nunique() > 1:
        yield f"{run} searched in several precisions; a coarse one may find less."
    for column, what in (("pixels", "in different ways"), ("image_size", "at different sizes")):
        if rows[column].nunique(dropna=False) > 1:
            yield f"The models are given the images of {dataset} {what}, and epsilon is in their pixels."
    alike = ["pixels", "image_size", "split_digest", "dataset_digest"]
    if (rows.groupby(alike, dropna=False)["pixels_digest"].nunique() > 1).any():
        yield (
            f"The images of {dataset} have the same names and labels, but not the same pixels for all models."
        )
    if rows["n"].nunique() > 1:
        yield f"On {dataset} the models were scored on different images; compared are the common ones."
