"""Where a report's numbers come from: versions, settings, checkpoints; of all of them, and of each cell."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...bench.store.condition import under
from ..catalogue import attack_name, dataset_name, model_name


@dataclass(frozen=True)
class Checkpoint:
    """The weights behind a model's numbers on a dataset."""

    dataset: str
    model: str
    seed: int
    path: str
    digest: str
    parameters: str


@dataclass(frozen=True)
class Provenance:
    """Facts as (what, values found), and the checkpoints."""

    facts: tuple[tuple[str, tuple[str, ...]], ...]
    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True)
class Fact:
    """One thing about each cell of a results table, as it reads; equal texts are held once.

    Attributes:
        name: What it says.
        texts: The different texts, in the order of their first cells; empty where it says nothing of a cell.
        indices: Of the text of each cell; empty if the texts are as many as the cells, or only one.
        code: Whether it is to be typed or compared, not to be read.
    """

    name: str
    texts: tuple[str, ...]
    indices: tuple[int, ...]
    code: bool = False

    def __getitem__(self, cell: int) -> str:
        """The text of a cell, by its place in the results table."""
        if self.indices:
            return self.texts[self.indices[cell]]
        return self.texts[cell if len(self.texts) > 1 else 0]


_FACTS = {
    "Versions": "versions",
    "Profile": "profile",
    "Device": "device",
    "Seed": "seed",
    "Split seed": "split_seed",
    "Image size": "image_size",
    "Test images": "n",
    "Command": "command",
}


def provenance(cells: pd.DataFrame) -> Provenance:
    """Of the cells that a selection shows."""
    facts = [(what, _values(cells[column])) for what, column in _FACTS.items()]
    created = sorted(cells["created"].dropna())
    if created:
        facts.append(("Computed", tuple(dict.fromkeys((created[0], created[-1])))))
    weights = cells.drop_duplicates(["dataset", "model", "seed", "weights"])
    checkpoints = tuple(
        Checkpoint(
            dataset_name(row["dataset"]),
            model_name(row["model"]),
            int(row["seed"]),
            str(row["checkpoint"] or ""),
            str(row["weights"]),
            str(row["model_params"]),
        )
        for row in weights.to_dict("records")
    )
    return Provenance(tuple((what, values) for what, values in facts if values), checkpoints)


def _values(column: "pd.Series") -> tuple[str, ...]:
    return tuple(str(value) for value in column.dropna().unique() if value != "")


_IMAGES = {
    "Limit": "limit",
    "Image size": "image_size",
    "Split seed": "split_seed",
    "Digest of the split": "split_digest",
    "Digest of the dataset": "dataset_digest",
    "Digest of the pixels": "pixels_digest",
}
_MODEL = {
    "Variant": "variant",
    "Model's parameters": "model_params",
    "Training regime": "regime",
    "Seed": "seed",
    "Checkpoint": "checkpoint",
    "Digest of the weights": "weights",
    "Digest of the model's plugin": "model_source",
}
_ATTACK = {"Attack's parameters": "attack_params", "Digest of the attack's plugin": "attack_source"}
_COMPUTATION = {
    "Command": "command",
    "Profile": "profile",
    "Device": "device",
    "Batch size": "batch_size",
    "Versions": "versions",
    "Computed": "created",
}
_CODE = {
    "split_digest",
    "dataset_digest",
    "pixels_digest",
    "model_params",
    "checkpoint",
    "weights",
    "model_source",
    "attack_params",
    "attack_source",
    "command",
}


def headings(results: pd.DataFrame) -> Fact:
    """Of each cell, what was measured: `CPRL on LIVE under FGSM at 1/255`."""
    names = [_named(row) for row in results[["dataset", "model", "variant"]].itertuples(index=False)]
    attacks = [
        under(*row, named=attack_name) for row in zip(results["attack"], results["epsilon"], strict=True)
    ]
    return _fact("Heading", [f"{name} {attack}" for name, attack in zip(names, attacks, strict=True)])


def cell_facts(results: pd.DataFrame) -> dict[str, tuple[Fact, ...]]:
    """How each cell of a results table came to be, under headings; facts of no cell are left out."""
    groups = {
        "Images": [_dataset(results), _column("Test images", results["n"]), *_columns(results, _IMAGES)],
        "Model": [_column("Model", results["model"], model_name), *_columns(results, _MODEL)],
        "Attack": [
            _column("Attack", results["attack"], attack_name),
            _column("ε", results["epsilon"], "{:g}/255".format),
            *_columns(results, _ATTACK),
        ],
        "Computation": [*_columns(results, _COMPUTATION), _seconds(results["seconds"])],
    }
    return {heading: tuple(fact for fact in facts if any(fact.texts)) for heading, facts in groups.items()}


def _named(row: Any) -> str:
    variant = f" ({row.variant})" if row.variant else ""
    return f"{model_name(row.model)}{variant} on {dataset_name(row.dataset)}"


def _dataset(results: pd.DataFrame) -> Fact:
    marks = results["stand_in"].map({True: " (stands in for a database)", False: ""})
    return _fact("Dataset", list(results["dataset"].map(dataset_name) + marks))


def _seconds(column: "pd.Series") -> Fact:
    return _column("Time", column, "{:.1f} s".format)


def _columns(results: pd.DataFrame, columns: dict[str, str]) -> Iterator[Fact]:
    for name, column in columns.items():
        yield _column(name, results[column], code=column in _CODE)


def _column(name: str, column: "pd.Series", reads: Callable[[Any], str] = str, *, code: bool = False) -> Fact:
    texts = {value: reads(value) for value in column.dropna().unique()}
    return _fact(name, ["" if pd.isna(value) else texts[value] for value in column], code=code)


def _fact(name: str, texts: Sequence[str], *, code: bool = False) -> Fact:
    places = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    needed = 1 < len(places) < len(texts)
    return Fact(name, tuple(places), tuple(places[text] for text in texts) if needed else (), code)
