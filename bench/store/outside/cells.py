"""Cells of scores that others measured. They say so wherever they are shown."""

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...core.text import listing, plural
from ...core.version import __version__
from ...statistics.visibility import KINDS, median_visibility
from ..cell import Cell, digest
from ..store import Store

VARIANT = "measured elsewhere"  # the variant of every model whose scores others measured
UNKNOWN = "unknown"  # stands for what the file of somebody else's scores does not tell


def store_outside(
    table: pd.DataFrame, store: Store, *, model: str, source: str, file: Path, command: str
) -> str:
    """Put scores that others measured into a store: for each dataset the clean scores, and each attack's.

    An attack's cell holds the interval between the clean score and those that it reached. Cells of another
    file are others. Returned is a sentence on what was stored.
    """
    content = hashlib.sha256(file.read_bytes()).hexdigest()
    context = {
        "versions": {"iqabench": __version__},
        "created": datetime.datetime.now(datetime.UTC).isoformat(),
        "command": command,
        "measured_by": source,
        "stand_in": False,
    }
    files = [
        store.write(cell, rows, context, diagnostics)
        for dataset, of_dataset in table.groupby("dataset", sort=False)
        for cell, rows, diagnostics in _cells(str(dataset), of_dataset, model, content[:20])
    ]
    datasets = [str(name) for name in table["dataset"].unique()]
    images = table[["dataset", "image"]].drop_duplicates()
    return (
        f"{plural(len(files), 'cell')} of {model} on {listing(datasets)}, {plural(len(images), 'image')}, "
        f"measured by {source}."
    )


def _cells(
    dataset: str, table: pd.DataFrame, model: str, weights: str
) -> Iterator[tuple[Cell, pd.DataFrame, dict[str, Any]]]:
    images = table.drop_duplicates("image").sort_values("image", ignore_index=True)
    labels = images["quality"].astype(object)
    clean = Cell(
        dataset=dataset,
        dataset_digest=digest([images["image"].tolist(), labels.where(labels.notna(), None).tolist()])[:16],
        pixels_digest=UNKNOWN,
        split_seed=0,
        split_digest=digest(images["image"].tolist())[:16],
        image_size=None,
        pixels=UNKNOWN,
        limit=None,
        model=model,
        variant=VARIANT,
        model_params={},
        model_source=None,
        weights=weights,
        regime="clean",
        seed=0,
        batch_size=None,
        attack="none",
        attack_params={},
        attack_source=None,
        epsilon=0.0,
    )
    yield clean, _scored(images), {}
    strengths = table[["attack", "epsilon"]].drop_duplicates().itertuples(index=False, name=None)
    for attack, epsilon in strengths:
        rows = table[(table["attack"] == attack) & (table["epsilon"] == epsilon)]
        ordered = rows.sort_values("image", ignore_index=True)
        found = _scored(ordered).assign(low=ordered["low"], high=ordered["high"])
        found = found.assign(**{kind: ordered[kind] for kind in KINDS if kind in ordered})
        visible = median_visibility({name: found[name].to_numpy() for name in KINDS if name in found})
        yield replace(clean, attack=str(attack), epsilon=float(epsilon)), found, visible


def _scored(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": rows["image"],
            "scene": rows["image"],
            "distortion": UNKNOWN,
            "quality": rows["quality"].astype(float),
            "score": rows["clean"],
        }
    )
