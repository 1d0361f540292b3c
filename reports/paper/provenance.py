"""The provenance of a report's numbers: versions, settings, checkpoints; of all of them, and of each cell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...bench.store.condition import under
from ..catalogue import attack_name, dataset_name, model_name
from . import wording
from .table import Block, Cell, Column, Group, Table, rows_of

_FACTS = {
    "Images": {
        "Dataset": "dataset",
        "Test images": "n",
        "Limit": "limit",
        "Image size": "image_size",
        "Pixels": "pixels",
        "Split seed": "split_seed",
        "Digest of the split": "split_digest",
        "Digest of the dataset": "dataset_digest",
        "Digest of the pixels": "pixels_digest",
    },
    "Model": {
        "Model": "model",
        "Variant": "variant",
        "Model's parameters": "model_params",
        "Training regime": "regime",
        "Seed": "seed",
        "Trained on": "trained_on",
        "Defence": "defence_params",
        "Checkpoint": "checkpoint",
        "Digest of the weights": "weights",
        "Digest of the model's plugin": "model_source",
    },
    "Attack": {
        "Attack": "attack",
        "ε": "epsilon",
        "Attack's parameters": "attack_params",
        "Knowledge of the defence": "knowledge",
        "Precision of the search": "precision",
        "Digest of the attack's plugin": "attack_source",
        "Digest of the weights that the attack uses": "source_weights",
        "Audit": "audit",
        "Red flags": "red_flags",
        "Worst case realised as images": "realised",
        "Change of scores after rounding to 8 bits": "eight_bit_kept",
    },
    "Computation": {
        "Measured elsewhere by": "measured_by",
        "Command": "command",
        "Profile": "profile",
        "Device": "device",
        "Batch size": "batch_size",
        "Versions": "versions",
        "Computed": "created",
        "Time": "seconds",
    },
}
"""The columns of results that say how a cell came to be, by their printed names, under headings."""

_SUMMARY = ("versions", "profile", "device", "seed", "split_seed", "image_size", "pixels", "n", "command")
_PRINTED: dict[str, Callable[[Any], str]] = {
    "model": model_name,
    "attack": attack_name,
    "epsilon": "{:g}/255".format,
    "seconds": "{:.1f} s".format,
    "realised": "{:.1%}".format,
    "eight_bit_kept": "{:.1%}".format,
}
_CODE = {
    "model_params", "defence_params", "attack_params", "checkpoint", "weights", "model_source",
    "attack_source", "source_weights", "command",
}  # fmt: skip
_CHECKPOINT = ("checkpoint", "weights", "model_params")


@dataclass(frozen=True)
class Provenance:
    """Facts as (what, values found), and the checkpoints behind the numbers."""

    facts: tuple[tuple[str, tuple[str, ...]], ...]
    checkpoints: Table


@dataclass(frozen=True)
class Fact:
    """One thing about each cell of the results, as it reads; equal texts are held once."""

    name: str  # what it says
    # the different texts, in the order of their first cells; empty where it says nothing of a cell
    texts: tuple[str, ...]
    # of the text of each cell; empty if the texts are as many as the cells, or only one
    indices: tuple[int, ...]
    code: bool = False  # whether it is to be typed or compared, not to be read


def provenance(cells: pd.DataFrame) -> Provenance:
    """Return where the numbers of some cells come from."""
    names = {column: name for facts in _FACTS.values() for name, column in facts.items()}
    facts = [
        (names[column], tuple(str(value) for value in cells[column].dropna().unique() if value != ""))
        for column in _SUMMARY
    ]
    created = sorted(cells["created"].dropna())
    if created:
        facts.append(("Computed", tuple(dict.fromkeys((created[0], created[-1])))))
    return Provenance(tuple((what, values) for what, values in facts if values), _checkpoints(cells))


def headings(results: pd.DataFrame) -> Fact:
    """Return what was measured in each cell: `CPRL on LIVE under FGSM at 1/255`."""
    columns = results[["dataset", "model", "variant", "attack", "epsilon"]]
    return _fact(
        "Heading",
        [
            f"{model_name(model)}{f' ({variant})' if variant else ''} on {dataset_name(dataset)} "
            f"{under(attack, epsilon, attack_name)}"
            for dataset, model, variant, attack, epsilon in columns.itertuples(index=False)
        ],
    )


def cell_facts(results: pd.DataFrame) -> dict[str, tuple[Fact, ...]]:
    """Return how each cell came to be, under headings; facts of no cell are left out."""
    marks = results["stand_in"].map({True: " (stands in for a database)", False: ""})
    printed = results.assign(dataset=results["dataset"].map(dataset_name) + marks)
    groups = {
        heading: [_column(name, printed[column]) for name, column in facts.items()]
        for heading, facts in _FACTS.items()
    }
    return {heading: tuple(fact for fact in facts if any(fact.texts)) for heading, facts in groups.items()}


def _column(name: str, column: "pd.Series[Any]") -> Fact:
    printed = _PRINTED.get(str(column.name), str)
    texts = {value: printed(value) for value in column.dropna().unique()}
    code = column.name in _CODE or str(column.name).endswith("_digest")
    return _fact(name, ["" if pd.isna(value) else texts[value] for value in column], code=code)


def _fact(name: str, texts: Sequence[str], *, code: bool = False) -> Fact:
    places = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    needed = 1 < len(places) < len(texts)
    return Fact(name, tuple(places), tuple(places[text] for text in texts) if needed else (), code)


def _checkpoints(cells: pd.DataFrame) -> Table:
    rows = cells.drop_duplicates(["dataset", "model", "seed", "weights"]).to_dict("records")
    shown = [
        [Cell(model_name(row["model"])) for row in rows],
        [Cell(str(row["seed"])) for row in rows],
        *([Cell(str(row[column] or ""), "code") for row in rows] for column in _CHECKPOINT),
    ]
    columns = ("Model", "Seed", "Checkpoint", "Digest of weights", "Parameters")
    return Table(
        number="-checkpoints",
        title="Checkpoints",
        caption=wording.CHECKPOINTS,
        heading="Dataset",
        groups=(Group(tuple(Column(name, "ascending" if name == "Seed" else "text") for name in columns)),),
        blocks=(Block(rows_of((dataset_name(row["dataset"]) for row in rows), [shown])),),
    )
