"""Chooses the cells that tables and curves show where a store holds several for one condition.

Nothing is dropped silently: a note says what is not shown.
"""

import math
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ...bench.core.text import listing, parameters, plural
from ...bench.statistics.metrics import NO_LABELS, OK, Measure
from ...bench.store.condition import attack_phrase
from ...bench.store.newest import VERSION, newest, newest_attacks, newest_versions
from ...bench.store.results import COLUMNS, Results, verdict
from ..catalogue import AUTO, attack_name, dataset_name, model_name
from . import wording

REGIME = "clean"  # the training regime of the paper's tables and Figure 6

IMAGES = ("limit", "image_size", "pixels", "dataset_digest", "pixels_digest", "split_digest")
"""The columns that say which images a cell was scored on."""

OF_MODEL = ("model_params", "model_version", "model_source")
"""The columns that say which model a cell is of, besides its name, its weights and its seed."""

WORST = "worst_srocc"  # the metric of the worst case that an interval attack finds

_MODEL_ON_DATASET = ("dataset", "model", "seed")
_PLACE = ("dataset", "model", "attack", "epsilon")


@dataclass(frozen=True)
class Point:
    """A model's agreement with the labels of a dataset at one strength of one attack."""

    dataset: str
    model: str
    attack: str  # registered name, or `none`
    epsilon: float  # in units of 1/255; 0 without attack
    seeds: tuple[int, ...]  # the seeds behind it
    stand_in: bool  # whether the dataset stands in for a database
    status: str  # `ok`, or what every seed's metrics suffer from
    # by metric; means over the usable seeds, with bounds that hold all their intervals
    measures: Mapping[str, Measure]
    spread: Mapping[str, tuple[float, float]]  # by metric; the lowest and the highest value of a seed
    usable: int  # how many of the seeds have status `ok`
    cells: tuple[str, ...]  # keys of the cells behind it
    audit: str = ""  # `doubtful` if a cell is, else `sound` if one was audited, else empty
    control: bool = False  # whether the attack is a control, which does not look at the model

    @property
    def worst_case(self) -> bool:
        """True where an interval attack found a worst case."""
        return not math.isnan(self.measures[WORST].value)

    @property
    def srocc(self) -> Measure:
        """SROCC, that of the worst case where there is one."""
        return self.measures[WORST if self.worst_case else "srocc"]


@dataclass(frozen=True)
class Selection:
    """The choice of what a report shows."""

    points: tuple[Point, ...]  # one for each dataset, model, attack and epsilon
    cells: pd.DataFrame  # the rows of the results table behind the points
    notes: tuple[str, ...]  # what is not shown, not comparable or not defined, in sentences
    unlabelled: tuple[Point, ...] = ()  # likewise, of images without labels


class Content(NamedTuple):
    """A store's results, and what of them is shown."""

    results: pd.DataFrame  # a row for every cell of the store
    selection: Selection  # the rows that the tables of models and Figure 6 show
    # the store's folder, whose files tell more of its datasets; None if it is not known
    root: Path | None = None
    static: pd.DataFrame = pd.DataFrame(columns=list(COLUMNS))  # rows as `Results.static`


def select(results: Results) -> Selection:
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
    points = points_by(cells, _PLACE).values()
    return Selection(
        tuple(point for point in points if point.status != NO_LABELS),
        cells.reset_index(drop=True),
        tuple(notes),
        tuple(point for point in points if point.status == NO_LABELS),
    )


def has_worst_case(points: Iterable[Point]) -> bool:
    """Return whether `auto` found a worst case at one of some points."""
    return any(point.attack == AUTO and point.worst_case for point in points)


def controls(points: Iterable[Point]) -> set[str]:
    """Return the attacks of some points that are controls."""
    return {point.attack for point in points if point.control}


def diverged(status: str) -> bool:
    """Return whether a status other than `ok` is the model's fault, not the labels'."""
    return status.endswith("scores") or " scores " in status


def grouped(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield the groups of rows that agree in some columns, undefined values included, in order."""
    yield from table.groupby(list(columns), sort=False, dropna=False)


def completeness_and_age(cells: pd.DataFrame) -> tuple[float, str]:
    """Return a key of preference: cells of all test images, or of more of them, then of a later date."""
    return float(cells["limit"].astype(float).fillna(math.inf).min()), str(cells["created"].fillna("").max())


def point(cells: pd.DataFrame) -> Point:
    """Return the point that cells of one dataset, model, attack and epsilon stand for, a seed each."""
    (found,) = points_by(cells, _PLACE).values()
    return found


def points_by(cells: pd.DataFrame, columns: Sequence[str]) -> dict[tuple[Any, ...], Point]:
    """Return the point of each group of cells that agree in some columns, in the order of the cells.

    The columns tell apart at least dataset, model, attack and epsilon.
    """
    runs = defaultdict(list)
    of_runs = cells[[*columns, *_Run._fields]]
    for *place, seed, status, stand_in, key, audit, control in of_runs.itertuples(index=False, name=None):
        runs[tuple(place)].append(_Run(seed, status, stand_in, key, audit, control))
    metrics = [name for name in cells.columns if {f"{name}_low", f"{name}_high"} <= {*cells.columns}]
    bounds = {bound: [*metrics, *(f"{name}_{bound}" for name in metrics)] for bound in ("low", "high")}
    groups = _usable(cells, columns).groupby(list(columns), sort=False, dropna=False)
    places, means, lows, highs = (
        found.to_dict("records")
        for found in (
            groups[list(_PLACE)].first(),
            groups[metrics].mean(),
            groups[bounds["low"]].min(),
            groups[bounds["high"]].max(),
        )
    )
    return {
        key: _point(place, of_seeds, metrics, mean, low, high)
        for (key, of_seeds), place, mean, low, high in zip(
            runs.items(), places, means, lows, highs, strict=True
        )
    }


def _usable(cells: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the cells without the numbers of unusable scores where another of their group is usable.

    Equal scores have an error, and no correlation: means of both would be over different seeds.
    """
    usable = cells["status"] == OK
    beside = cells.assign(usable=usable).groupby(list(columns), sort=False, dropna=False)["usable"]
    left_out = ~usable & beside.transform("any")
    if not left_out.any():
        return cells
    numbers = cells.select_dtypes("float").columns.difference([*columns, *_PLACE])
    return cells.assign(**{name: cells[name].mask(left_out) for name in numbers})


class _Run(NamedTuple):
    seed: int
    status: str
    stand_in: bool
    key: str
    audit: str
    control: bool


def _point(
    place: Mapping[Any, Any],
    runs: Sequence[_Run],
    metrics: Sequence[str],
    mean: Mapping[Any, float],
    low: Mapping[Any, float],
    high: Mapping[Any, float],
) -> Point:
    statuses = [run.status for run in runs]
    return Point(
        **place,
        seeds=tuple(sorted(run.seed for run in runs)),
        stand_in=any(run.stand_in for run in runs),
        status=OK if OK in statuses else statuses[0],
        measures={name: Measure(mean[name], low[f"{name}_low"], high[f"{name}_high"]) for name in metrics},
        spread={name: (low[name], high[name]) for name in metrics},
        usable=statuses.count(OK),
        cells=tuple(run.key for run in runs),
        audit=verdict(run.audit for run in runs),
        control=all(run.control for run in runs),
    )


def _other_regimes(table: pd.DataFrame) -> Iterator[str]:
    for (regime,), group in grouped(table[table["regime"] != REGIME], ["regime"]):
        yield _note(wording.OTHER_REGIME, len(group), regime=regime)


def _variants(table: pd.DataFrame) -> Iterator[str]:
    elsewhere = table["variant"] == "trained on " + table["trained_on"]
    has_a_table = elsewhere | (table[["defence", "measured_by"]] != "").any(axis=1)
    variants = table[(table["variant"] != "") & ~has_a_table]
    for (dataset, model), group in grouped(variants, ["dataset", "model"]):
        example = group["variant"].iloc[0]
        yield _note(wording.VARIANTS, len(group), dataset=dataset, model=model, example=example)


def _defended(table: pd.DataFrame) -> Iterator[str]:
    """Say what is behind a defence and not in Table D, which shows the worst case under `auto`."""
    behind = table[(table["defence"] != "") & (table["status"] != NO_LABELS)]
    has_auto = behind.loc[behind["attack"] == AUTO, "dataset"].unique()
    shown = behind["dataset"].isin(has_auto) & behind["attack"].isin(["none", AUTO])
    for (dataset, model), group in grouped(behind[~shown], ["dataset", "model"]):
        conditions = group[["attack", "epsilon"]].drop_duplicates().itertuples(index=False, name=None)
        where = listing([attack_phrase(attack, epsilon, attack_name) for attack, epsilon in conditions])
        fields = {"where": where, "auto": attack_name(AUTO)}
        yield _note(wording.DEFENDED, len(group), dataset=dataset, model=model, **fields)


def _other_versions(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    for place, group in grouped(table.drop(index=shown.index), _MODEL_ON_DATASET):
        named = dict(zip(_MODEL_ON_DATASET, place, strict=True))
        chosen = shown[(shown[[*named]] == pd.Series(named)).all(axis=1)]
        differing = [name for name in VERSION if {*group[name].map(str)} != {*chosen[name].map(str)}]
        yield _note(wording.OTHER_VERSIONS, len(group), **named, columns=_columns(differing))


def not_newest(rows: pd.DataFrame) -> Iterator[str]:
    """Say what a table of variants does not show of some rows, of which it shows the newest."""
    by = [*_MODEL_ON_DATASET, "variant"]
    for place, group in grouped(rows.drop(index=newest(rows, by).index), by):
        yield _note(wording.NOT_NEWEST, len(group), **dict(zip(by, place, strict=True)))


def _other_parameters(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    settings = _settings(table)
    left_out = table.assign(settings=settings).drop(index=shown.index)
    for (dataset, attack, told, version), group in grouped(
        left_out, ["dataset", "attack", "settings", "attack_version"]
    ):
        older = version < shown.loc[shown["attack"] == attack, "attack_version"].max()
        sentence = wording.OTHER_ATTACK_VERSION if older else wording.OTHER_PARAMETERS
        fields = {"version": version, "parameters": told}
        yield _note(sentence, len(group), dataset=dataset, attack=attack, **fields)


def _settings(cells: pd.DataFrame) -> "pd.Series[str]":
    """Return the parameters of each cell's attack in words, and precision and plugin where they differ."""
    told = cells["attack_params"].map(parameters)
    for column, name, usual in (("precision", "precision", "fp32"), ("attack_source", "plugin", "none")):
        values = cells[column].fillna("").astype(str).str[:8]
        differs = values.groupby(cells["attack"]).transform("nunique") > 1
        further = (f"{name} " + values.where(values != "", usual)).where(differs, "")
        told = told + (further != "").map({True: ", ", False: ""}) + further
    told = told.str.removeprefix(", ")
    return told.where(told != "", wording.NO_PARAMETERS)


def _different_images(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset,), group in grouped(cells, ["dataset"]):
        differing = [name for name in IMAGES if group[name].nunique(dropna=False) > 1]
        if differing:
            yield _note(wording.DIFFERENT_IMAGES, dataset=dataset, columns=_columns(differing))


def _different_parameters(cells: pd.DataFrame) -> Iterator[str]:
    for (attack,), group in grouped(cells.assign(settings=_settings(cells)), ["attack"]):
        settings = [
            f"{told} for {listing([model_name(name) for name in rows['model'].unique()])}"
            for (told,), rows in grouped(group, ["settings"])
        ]
        if len(settings) > 1:
            yield _note(wording.DIFFERENT_PARAMETERS, attack=attack, settings="; ".join(settings))


def _different_attack_versions(cells: pd.DataFrame) -> Iterator[str]:
    for (attack,), group in grouped(cells, ["attack"]):
        versions = [
            f"version {version} for {listing([model_name(name) for name in rows['model'].unique()])}"
            for (version,), rows in grouped(
                group.sort_values("attack_version", kind="stable"), ["attack_version"]
            )
        ]
        if len(versions) > 1:
            yield _note(wording.DIFFERENT_ATTACK_VERSIONS, attack=attack, versions="; ".join(versions))


def _different_models(cells: pd.DataFrame) -> Iterator[str]:
    """Say where the seeds of one model are of models that differ in more."""
    for (dataset, model), group in grouped(cells, ["dataset", "model"]):
        differing = [name for name in OF_MODEL if group[name].nunique(dropna=False) > 1]
        if differing:
            yield _note(wording.DIFFERENT_MODELS, dataset=dataset, model=model, columns=_columns(differing))


def _fewer_seeds(cells: pd.DataFrame) -> Iterator[str]:
    """Say which conditions lack seeds that models on their dataset have, of models of several seeds."""
    several = cells.groupby(["dataset", "model"])["seed"].transform("nunique") > 1
    for (dataset,), rows in grouped(cells[several], ["dataset"]):
        every = {*rows["seed"]}
        lacking: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
        for (model, attack, epsilon), group in grouped(rows, ["model", "attack", "epsilon"]):
            if missing := tuple(sorted(every - {*group["seed"]})):
                lacking[model, missing].append(attack_phrase(attack, epsilon, attack_name))
        for (model, missing), conditions in lacking.items():
            seeds, where = listing([str(seed) for seed in missing]), listing(conditions)
            yield _note(wording.FEWER_SEEDS, dataset=dataset, model=model, seeds=seeds, where=where)


def _undefined(cells: pd.DataFrame) -> Iterator[str]:
    broken = cells[~cells["status"].isin([OK, NO_LABELS])]
    for (dataset, model, status), group in grouped(broken, ["dataset", "model", "status"]):
        conditions = group[["attack", "epsilon"]].drop_duplicates().itertuples(index=False, name=None)
        yield _note(
            wording.DIVERGED if diverged(status) else wording.UNDEFINED,
            dataset=dataset,
            model=model,
            status=status,
            where=listing([attack_phrase(attack, epsilon, attack_name) for attack, epsilon in conditions]),
            seeds=listing([str(seed) for seed in sorted(group["seed"].unique())]),
        )


def _doubtful(cells: pd.DataFrame) -> Iterator[str]:
    """Say why the audit of a model is doubtful, once for all strengths with the same red flags."""
    doubtful = cells[cells["audit"] == "doubtful"]
    columns = ["dataset", "model", "attack", "red_flags"]
    for (dataset, model, attack, red_flags), group in grouped(doubtful, columns):
        strengths = listing([f"{epsilon:g}" for epsilon in sorted(group["epsilon"].unique())])
        fields = {"attack": attack, "epsilons": strengths, "red_flags": red_flags}
        fields |= {"name": shlex.quote(model), "on": shlex.quote(dataset)}
        yield _note(wording.DOUBTFUL, dataset=dataset, model=model, **fields)


def _note(sentence: str, count: int = 0, **fields: Any) -> str:
    """Return a sentence of `wording` with its fields filled in, names as they are printed."""
    printed = {"dataset": dataset_name, "model": model_name, "attack": attack_name}
    named = {key: printed[key](value) if key in printed else value for key, value in fields.items()}
    return sentence.format(cells=plural(count, "cell"), **named)


def _columns(names: Sequence[str]) -> str:
    return listing([name.replace("_", " ") for name in names])
