"""Chooses the cells that tables and curves show where a store holds several for one condition.

Nothing is dropped silently: a note says what is not shown.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...bench.core.text import listing, parameters, plural
from ...bench.statistics.metrics import NO_LABELS, OK
from ...bench.store.condition import attack_phrase
from ...bench.store.newest import VERSION, newest, newest_attacks, newest_versions
from ...bench.store.results import Results
from ..catalogue import AUTO, attack_name, dataset_name, model_name
from .points import PLACE, REGIME, Point, conditions, diverged, grouped, points_by

IMAGES = ("limit", "image_size", "pixels", "dataset_digest", "pixels_digest", "split_digest")
"""The columns that say which images a cell was scored on."""

OF_MODEL = ("model_params", "model_version", "model_source")
"""The columns that say which model a cell is of, besides its name, its weights and its seed."""

_MODEL_ON_DATASET = ("dataset", "model", "seed")
_LEFT_OUT = "The tables and curves leave out"


@dataclass(frozen=True)
class Selection:
    """A store's results, and the choice of what a report shows of them."""

    results: Results  # all of the store
    root: Path | None  # the store's folder, whose files tell more of its datasets; None if it is not known
    points: tuple[Point, ...]  # one for each dataset, model, attack and epsilon
    unlabelled: tuple[Point, ...]  # likewise, of images without labels
    cells: pd.DataFrame  # the rows of the results behind the points
    notes: tuple[str, ...]  # what is not shown, not comparable or not defined, in sentences


def select(results: Results, root: Path | None = None) -> Selection:
    """Choose what a report shows.

    Shown are models trained by the regime `REGIME`, as their own tables configure them: variants in a grid
    are for Tables 5 and 6. Where a model was run on a dataset in several versions (other weights,
    parameters, images), that of all test images, or of the highest `limit`, is shown, and of such versions
    the newest; where an attack was run with several parameters, the newest.
    """
    table = results.frame
    in_regime = table[table["regime"] == REGIME]
    configured = in_regime[in_regime["variant"] == ""]
    versions = newest_versions(configured, _MODEL_ON_DATASET)
    cells = newest_attacks(versions, _MODEL_ON_DATASET)
    notes = [
        *results.left_out,
        *_other_regimes(table),
        *_variants(in_regime),
        *_defended(in_regime),
        *_other_versions(configured, versions),
        *_other_parameters(versions, cells),
        *_different_images(cells),
        *_different_parameters(cells),
        *_different_attack_versions(cells),
        *_different_models(cells),
        *_fewer_seeds(cells),
        *_undefined(cells),
        *_doubtful(cells),
    ]
    points = points_by(cells, PLACE).values()
    return Selection(
        results,
        root,
        tuple(point for point in points if point.status != NO_LABELS),
        tuple(point for point in points if point.status == NO_LABELS),
        cells.reset_index(drop=True),
        tuple(notes),
    )


def _other_regimes(table: pd.DataFrame) -> Iterator[str]:
    for (regime,), group in grouped(table[table["regime"] != REGIME], ["regime"]):
        yield f"{_LEFT_OUT} {_cells(group)} of models trained by the regime “{regime}”."


def _variants(table: pd.DataFrame) -> Iterator[str]:
    elsewhere = table["variant"] == "trained on " + table["trained_on"]
    has_a_table = elsewhere | (table[["defence", "measured_by"]] != "").any(axis=1)
    variants = table[(table["variant"] != "") & ~has_a_table]
    for (dataset, model), group in grouped(variants, ["dataset", "model"]):
        yield (
            f"Tables 1, 2 and 4 and the curves leave out {_cells(group)} of variants of "
            f"{_on(model, dataset)} (such as {group['variant'].iloc[0]}): they show each model as its own "
            "table configures it."
        )


def _defended(table: pd.DataFrame) -> Iterator[str]:
    """Say what is behind a defence and not in Table D, which shows the worst case under `auto`."""
    behind = table[(table["defence"] != "") & (table["status"] != NO_LABELS)]
    has_auto = behind.loc[behind["attack"] == AUTO, "dataset"].unique()
    shown = behind["dataset"].isin(has_auto) & behind["attack"].isin(["none", AUTO])
    for (dataset, model), group in grouped(behind[~shown], ["dataset", "model"]):
        yield (
            f"No table shows {_cells(group)} of {model_name(model)} behind a defence on "
            f"{dataset_name(dataset)} ({conditions(group)}): Table D is of {attack_name(AUTO)}. `iqabench "
            "results` prints them."
        )


def _other_versions(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    for place, group in grouped(table.drop(index=shown.index), _MODEL_ON_DATASET):
        dataset, model, seed = place
        chosen = shown[(shown[[*_MODEL_ON_DATASET]] == pd.Series(place, _MODEL_ON_DATASET)).all(axis=1)]
        differing = [name for name in VERSION if {*group[name].map(str)} != {*chosen[name].map(str)}]
        yield (
            f"{_LEFT_OUT} {_cells(group)} of another version of {_on(model, dataset)}, seed {seed} (with "
            f"other {_columns(differing)}). They show the version scored on most test images, and of several "
            "such the newest."
        )


def not_newest(rows: pd.DataFrame) -> Iterator[str]:
    """Say what a table of variants does not show of some rows, of which it shows the newest."""
    by = ["dataset", "model", "seed", "variant"]
    for (dataset, model, seed, variant), group in grouped(rows.drop(index=newest(rows, by).index), by):
        yield (
            f"The table leaves out {_cells(group)} of {model_name(model)} ({variant}) on "
            f"{dataset_name(dataset)}, seed {seed}, of another version or with other parameters of an "
            "attack: it shows what was run last."
        )


def _other_parameters(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    left_out = table.assign(settings=_settings(table)).drop(index=shown.index)
    for (dataset, attack, told, version), group in grouped(
        left_out, ["dataset", "attack", "settings", "attack_version"]
    ):
        older = version < shown.loc[shown["attack"] == attack, "attack_version"].max()
        how = f"from version {version} of the attack" if older else f"with {told}"
        yield (
            f"{_LEFT_OUT} {_cells(group)} of {attack_name(attack)} on {dataset_name(dataset)} {how}. They "
            "show what was run last."
        )


def _settings(cells: pd.DataFrame) -> "pd.Series[str]":
    """Return the parameters of each cell's attack in words, and precision and plugin where they differ."""
    told = cells["attack_params"].map(parameters)
    for column, name, usual in (("precision", "precision", "fp32"), ("attack_source", "plugin", "none")):
        values = cells[column].fillna("").astype(str).str[:8]
        differs = values.groupby(cells["attack"]).transform("nunique") > 1
        further = (f"{name} " + values.where(values != "", usual)).where(differs, "")
        told = told + (further != "").map({True: ", ", False: ""}) + further
    told = told.str.removeprefix(", ")
    return told.where(told != "", "no parameters")


def _different_images(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset,), columns in _differing(cells, ["dataset"], IMAGES):
        yield (
            f"The cells on {dataset_name(dataset)} are not all of the same images (they differ in "
            f"{columns}): compare them with care."
        )


def _different_models(cells: pd.DataFrame) -> Iterator[str]:
    """Say where the seeds of one model are of models that differ in more."""
    for (dataset, model), columns in _differing(cells, ["dataset", "model"], OF_MODEL):
        yield (
            f"The seeds of {_on(model, dataset)} are not of one model (they differ in {columns}): its "
            "numbers are means over all of them."
        )


def _differing(
    cells: pd.DataFrame, by: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the groups of cells that differ in some columns, with the names of these."""
    for place, group in grouped(cells, by):
        if differing := [name for name in columns if group[name].nunique(dropna=False) > 1]:
            yield place, _columns(differing)


def _different_parameters(cells: pd.DataFrame) -> Iterator[str]:
    for attack, ways in _ways(cells.assign(way=_settings(cells))):
        yield f"{attack} was not run with the same parameters throughout: {ways}."


def _different_attack_versions(cells: pd.DataFrame) -> Iterator[str]:
    for attack, ways in _ways(cells.assign(way=cells["attack_version"]), "version ", sort=True):
        yield (
            f"{attack} was not run in one version of its code throughout: {ways}. `iqabench run` computes "
            "what is of an older one again."
        )


def _ways(cells: pd.DataFrame, what: str = "", *, sort: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each attack that was run in several ways, a column `way`, and which models were in which."""
    for (attack,), group in grouped(cells, ["attack"]):
        ways = [
            f"{what}{way} for {listing([model_name(name) for name in rows['model'].unique()])}"
            for way, rows in group.groupby("way", sort=sort)
        ]
        if len(ways) > 1:
            yield attack_name(attack), "; ".join(ways)


def _fewer_seeds(cells: pd.DataFrame) -> Iterator[str]:
    """Say which conditions lack seeds that models on their dataset have, of models of several seeds."""
    several = cells.groupby(["dataset", "model"])["seed"].transform("nunique") > 1
    for (dataset,), rows in grouped(cells[several], ["dataset"]):
        every = {*rows["seed"]}
        lacking: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
        for (model, attack, epsilon), group in grouped(rows, ["model", "attack", "epsilon"]):
            if missing := tuple(sorted(every - {*group["seed"]})):
                lacking[model, missing].append(attack_phrase(attack, epsilon, attack_name))
        for (model, missing), phrases in lacking.items():
            yield (
                f"{model_name(model)} has no results on {dataset_name(dataset)} of seed {_seeds(missing)} "
                f"for {listing(phrases)}: numbers there are means over its other seeds."
            )


def _undefined(cells: pd.DataFrame) -> Iterator[str]:
    broken = cells[~cells["status"].isin([OK, NO_LABELS])]
    for (dataset, model, status), group in grouped(broken, ["dataset", "model", "status"]):
        what = "diverged" if diverged(status) else "has no correlations"
        yield (
            f"{model_name(model)} {what} on {dataset_name(dataset)}: {status} ({conditions(group)}; seed "
            f"{_seeds(group['seed'])})."
        )


def _doubtful(cells: pd.DataFrame) -> Iterator[str]:
    """Say why the audit of a model is doubtful, once for all strengths with the same red flags."""
    doubtful = cells[cells["audit"] == "doubtful"]
    columns = ["dataset", "model", "attack", "red_flags"]
    for (dataset, model, attack, red_flags), group in grouped(doubtful, columns):
        epsilons = listing([f"{epsilon:g}" for epsilon in sorted(group["epsilon"].unique())])
        yield (
            f"{model_name(model)} is doubtful on {dataset_name(dataset)}: its numbers under "
            f"{attack_name(attack)} at {epsilons}/255 may be too high. {red_flags} "
            f"`iqabench audit {shlex.quote(model)} --dataset {shlex.quote(dataset)}` says what to do next."
        )


def _cells(group: pd.DataFrame) -> str:
    return plural(len(group), "cell")


def _on(model: str, dataset: str) -> str:
    return f"{model_name(model)} on {dataset_name(dataset)}"


def _seeds(found: Iterable[int]) -> str:
    return listing([str(seed) for seed in sorted({*found})])


def _columns(names: Sequence[str]) -> str:
    return listing([name.replace("_", " ") for name in names])
