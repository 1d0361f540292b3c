"""Which cells a table or curve shows where a store holds several for one place, and what is left out.

Nothing is dropped silently: what is not shown is said in a note.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..bench.metrics import METRICS, OK, Measure
from .names import attack_name, dataset_name, listing, model_name, parameters, plural

REGIME = "clean"
"""The training regime of the paper's tables and Figure 6."""

IMAGES = ("limit", "image_size", "dataset_digest", "pixels_digest", "split_digest")
"""The columns that say which images a cell was scored on."""

_VERSION = (
    "limit",
    "image_size",
    "split_seed",
    "weights",
    "model_params",
    "batch_size",
    "model_source",
    "dataset_digest",
    "pixels_digest",
    "split_digest",
)
_MODEL_ON_DATASET = ("dataset", "model", "seed")
_PLACE = ("dataset", "model", "attack", "epsilon")


@dataclass(frozen=True)
class Point:
    """A model's agreement with the labels of a dataset at one strength of one attack.

    Attributes:
        dataset: Registered name.
        model: Registered name.
        attack: Registered name, or `none`.
        epsilon: In units of 1/255; 0 without attack.
        seeds: The seeds behind it.
        stand_in: Whether the dataset stands in for a database.
        status: `ok`, or what every seed's metrics suffer from.
        measures: By metric; means over the seeds that have it, with bounds that hold all their intervals.
        spread: By metric; the lowest and the highest value of a seed.
        usable: How many of the seeds have status `ok`.
    """

    dataset: str
    model: str
    attack: str
    epsilon: float
    seeds: tuple[int, ...]
    stand_in: bool
    status: str
    measures: Mapping[str, Measure]
    spread: Mapping[str, tuple[float, float]]
    usable: int


@dataclass(frozen=True)
class Selection:
    """What a report shows.

    Attributes:
        points: One for each dataset, model, attack and epsilon.
        cells: The rows of the results table behind the points.
        notes: What is not shown, not comparable or not defined, in sentences.
    """

    points: tuple[Point, ...]
    cells: pd.DataFrame
    notes: tuple[str, ...]


def select(table: pd.DataFrame) -> Selection:
    """Choose from a results table.

    Shown are models trained by the regime `REGIME`, as their own tables configure them: variants in a grid
    are for Tables 5 and 6. Where a model was run on a dataset in several versions (other weights,
    parameters, images), the newest that was not limited to a part of the images is shown; where an attack
    was run with several parameters, the newest.
    """
    in_regime = table[table["regime"] == REGIME]
    configured = in_regime[in_regime["variant"] == ""]
    versions = newest_versions(configured, _MODEL_ON_DATASET)
    cells = newest_attacks(versions, [*_PLACE, "seed"])
    notes = [
        *_unreadable(table.attrs.get("unreadable", [])),
        *_other_regimes(table),
        *_variants(in_regime),
        *_other_versions(configured, versions),
        *_other_parameters(versions, cells),
        *_different_images(cells),
        *_different_parameters(cells),
        *_undefined(cells),
    ]
    points = tuple(point(group) for _, group in grouped(cells, _PLACE))
    return Selection(points, cells.reset_index(drop=True), tuple(notes))


def diverged(status: str) -> bool:
    """Whether a status other than `ok` is the model's fault, not the labels'."""
    return status.endswith("scores") or " scores " in status


def grouped(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The groups of rows that agree in some columns, undefined values included, in the table's order."""
    yield from table.groupby(list(columns), sort=False, dropna=False)


def newest_versions(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Of the rows that agree in some columns, those of one version: the newest that is of all test images."""
    version = table.groupby([*columns, *_VERSION], sort=False, dropna=False).ngroup()
    age = table["created"].fillna("").groupby(version).transform("max")
    ranked = table.assign(complete=table["limit"].isna(), age=age, turn=-version)
    best = ranked.sort_values(["complete", "age", "turn"]).drop_duplicates(list(columns), keep="last")
    return table[version.isin(-best["turn"])]


def completeness_and_age(cells: pd.DataFrame) -> tuple[bool, str]:
    """What to prefer cells by: scores on all test images, then a later date."""
    return bool(cells["limit"].isna().all()), str(cells["created"].fillna("").max())


def newest_attacks(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Of the rows that agree in some columns, the newest."""
    by_age = table.sort_values("created", kind="stable")
    return by_age.drop_duplicates(list(columns), keep="last").sort_index()


def point(cells: pd.DataFrame) -> Point:
    """The point that cells of one dataset, model, attack and epsilon stand for, a seed each."""
    statuses = list(cells["status"])
    numbers = cells[[*METRICS, *(f"{name}_{bound}" for name in METRICS for bound in ("low", "high"))]]
    mean, low, high = (found.to_dict() for found in (numbers.mean(), numbers.min(), numbers.max()))
    dataset, model, attack, epsilon = cells[list(_PLACE)].iloc[0]
    return Point(
        dataset=dataset,
        model=model,
        attack=attack,
        epsilon=epsilon,
        seeds=tuple(sorted(cells["seed"])),
        stand_in=bool(cells["stand_in"].any()),
        status=OK if OK in statuses else statuses[0],
        measures={name: Measure(mean[name], low[f"{name}_low"], high[f"{name}_high"]) for name in METRICS},
        spread={name: (low[name], high[name]) for name in METRICS},
        usable=statuses.count(OK),
    )


def _unreadable(files: Sequence[tuple[str, str]]) -> Iterator[str]:
    for file, reason in files:
        yield f"Not readable, so left out: {file}: {reason}."


def _other_regimes(table: pd.DataFrame) -> Iterator[str]:
    for (regime,), group in grouped(table[table["regime"] != REGIME], ["regime"]):
        yield (
            f"{plural(len(group), 'cell')} of models trained by the regime “{regime}” "
            f"{_are(group)} not in the tables and curves."
        )


def _variants(table: pd.DataFrame) -> Iterator[str]:
    for (dataset, model), group in grouped(table[table["variant"] != ""], ["dataset", "model"]):
        yield (
            f"{plural(len(group), 'cell')} of variants of {model_name(model)} on {dataset_name(dataset)} "
            f"(such as {group['variant'].iloc[0]}) {_are(group)} not in Tables 1, 2 and 4 and the curves, "
            "which show each model as its own table configures it."
        )


def _other_versions(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    chosen = dict(grouped(shown, _MODEL_ON_DATASET))
    for place, group in grouped(table.drop(index=shown.index), _MODEL_ON_DATASET):
        dataset, model, seed = place
        differing = [
            name for name in _VERSION if {*group[name].astype(str)} != {*chosen[place][name].astype(str)}
        ]
        yield (
            f"{model_name(model)} on {dataset_name(dataset)}, seed {seed}: {plural(len(group), 'cell')} of "
            f"another version (with other {_columns(differing)}) {_are(group)} not in the tables and curves. "
            "Shown is the newest version, of those scored on all test images if there is one."
        )


def _other_parameters(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    left_out = table.drop(index=shown.index)
    for (dataset, attack, compact), group in grouped(left_out, ["dataset", "attack", "attack_params"]):
        yield (
            f"{attack_name(attack)} on {dataset_name(dataset)}: {plural(len(group), 'cell')} with "
            f"{parameters(compact) or 'no parameters'} {_are(group)} not in the tables and curves. "
            "Shown is what was run last."
        )


def _different_images(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset,), group in grouped(cells, ["dataset"]):
        differing = [name for name in IMAGES if group[name].nunique(dropna=False) > 1]
        if differing:
            yield (
                f"On {dataset_name(dataset)} not all cells are of the same images "
                f"(their {_columns(differing)} differ): compare them with care."
            )


def _different_parameters(cells: pd.DataFrame) -> Iterator[str]:
    for (attack,), group in grouped(cells, ["attack"]):
        settings = [
            f"{parameters(compact) or 'no parameters'} for {_models(rows)}"
            for (compact,), rows in grouped(group, ["attack_params"])
        ]
        if len(settings) > 1:
            listed = "; ".join(settings)
            yield f"{attack_name(attack)} was not run with the same parameters throughout: {listed}."


def _undefined(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset, model, status), group in grouped(
        cells[cells["status"] != OK], ["dataset", "model", "status"]
    ):
        verb = "diverged" if diverged(status) else "has no correlations"
        where = listing([_condition(*condition) for condition, _ in grouped(group, ["attack", "epsilon"])])
        seeds = listing([str(seed) for seed in sorted(group["seed"].unique())])
        yield f"{model_name(model)} {verb} on {dataset_name(dataset)}: {status} ({where}; seed {seeds})."


def _condition(attack: str, epsilon: float) -> str:
    return attack_name(attack) if attack == "none" else f"{attack_name(attack)} at {epsilon:g}/255"


def _columns(names: Sequence[str]) -> str:
    return listing([name.replace("_", " ") for name in names])


def _models(cells: pd.DataFrame) -> str:
    return listing([model_name(name) for name in cells["model"].unique()])


def _are(cells: pd.DataFrame) -> str:
    return "is" if len(cells) == 1 else "are"
