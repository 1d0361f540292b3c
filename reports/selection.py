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
"""The training regime of the paper's Tables 1, 2 and 4 and Figure 6."""

_VARIANT = (
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
_IMAGES = ("limit", "image_size", "dataset_digest", "pixels_digest", "split_digest")
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
    """

    dataset: str
    model: str
    attack: str
    epsilon: float
    seeds: tuple[int, ...]
    stand_in: bool
    status: str
    measures: Mapping[str, Measure]


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

    Shown are models trained by the regime `REGIME`. Where a model was run on a dataset in several variants
    (other weights, parameters, images), the newest that was not limited to a part of the images is
    shown; where an attack was run with several parameters, the newest.
    """
    in_regime = table[table["regime"] == REGIME]
    variants = _newest_variants(in_regime)
    by_age = variants.sort_values("created", kind="stable")
    cells = by_age.drop_duplicates([*_PLACE, "seed"], keep="last").sort_index()
    notes = [
        *_unreadable(table.attrs.get("unreadable", [])),
        *_other_regimes(table),
        *_other_variants(in_regime, variants),
        *_other_parameters(variants, cells),
        *_different_images(cells),
        *_different_parameters(cells),
        *_undefined(cells),
    ]
    points = tuple(_point(place, group) for place, group in _groups(cells, _PLACE))
    return Selection(points, cells.reset_index(drop=True), tuple(notes))


def diverged(status: str) -> bool:
    """Whether a status other than `ok` is the model's fault, not the labels'."""
    return status.endswith("scores") or " scores " in status


def _groups(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    yield from table.groupby(list(columns), sort=False, dropna=False)


def _newest_variants(table: pd.DataFrame) -> pd.DataFrame:
    chosen = [
        max(
            (variant for _, variant in _groups(group, _VARIANT)),
            key=lambda variant: (variant["limit"].isna().all(), variant["created"].fillna("").max()),
        )
        for _, group in _groups(table, _MODEL_ON_DATASET)
    ]
    return pd.concat(chosen).sort_index() if chosen else table


def _point(place: tuple[Any, ...], cells: pd.DataFrame) -> Point:
    statuses = list(cells["status"])
    measures = {
        name: Measure(
            float(cells[name].mean()), float(cells[f"{name}_low"].min()), float(cells[f"{name}_high"].max())
        )
        for name in METRICS
    }
    dataset, model, attack, epsilon = place
    return Point(
        dataset=dataset,
        model=model,
        attack=attack,
        epsilon=epsilon,
        seeds=tuple(sorted(cells["seed"])),
        stand_in=bool(cells["stand_in"].any()),
        status=OK if OK in statuses else statuses[0],
        measures=measures,
    )


def _unreadable(files: Sequence[tuple[str, str]]) -> Iterator[str]:
    for file, reason in files:
        yield f"Not readable, so left out: {file}: {reason}."


def _other_regimes(table: pd.DataFrame) -> Iterator[str]:
    for (regime,), group in _groups(table[table["regime"] != REGIME], ["regime"]):
        yield (
            f"{plural(len(group), 'cell')} of models trained by the regime “{regime}” "
            f"{_are(group)} not in the tables and curves."
        )


def _other_variants(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    chosen = dict(_groups(shown, _MODEL_ON_DATASET))
    for place, group in _groups(table.drop(index=shown.index), _MODEL_ON_DATASET):
        dataset, model, seed = place
        differing = [
            name for name in _VARIANT if {*group[name].astype(str)} != {*chosen[place][name].astype(str)}
        ]
        yield (
            f"{model_name(model)} on {dataset_name(dataset)}, seed {seed}: {plural(len(group), 'cell')} of "
            f"another variant (with other {_columns(differing)}) {_are(group)} not in the tables and curves. "
            "Shown is the newest variant, of those scored on all test images if there is one."
        )


def _other_parameters(table: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    left_out = table.drop(index=shown.index)
    for (dataset, attack, compact), group in _groups(left_out, ["dataset", "attack", "attack_params"]):
        yield (
            f"{attack_name(attack)} on {dataset_name(dataset)}: {plural(len(group), 'cell')} with "
            f"{parameters(compact) or 'no parameters'} {_are(group)} not in the tables and curves. "
            "Shown is what was run last."
        )


def _different_images(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset,), group in _groups(cells, ["dataset"]):
        differing = [name for name in _IMAGES if group[name].nunique(dropna=False) > 1]
        if differing:
            yield (
                f"On {dataset_name(dataset)} not all cells are of the same images "
                f"(their {_columns(differing)} differ): compare them with care."
            )


def _different_parameters(cells: pd.DataFrame) -> Iterator[str]:
    for (attack,), group in _groups(cells, ["attack"]):
        variants = [
            f"{parameters(compact) or 'no parameters'} for {_models(rows)}"
            for (compact,), rows in _groups(group, ["attack_params"])
        ]
        if len(variants) > 1:
            listed = "; ".join(variants)
            yield f"{attack_name(attack)} was not run with the same parameters throughout: {listed}."


def _undefined(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset, model, status), group in _groups(
        cells[cells["status"] != OK], ["dataset", "model", "status"]
    ):
        verb = "diverged" if diverged(status) else "has no correlations"
        where = listing([_condition(*condition) for condition, _ in _groups(group, ["attack", "epsilon"])])
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
