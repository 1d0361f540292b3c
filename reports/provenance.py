"""Where a report's numbers come from: versions, settings, checkpoints."""

from dataclasses import dataclass

import pandas as pd

from .names import dataset_name, model_name


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
