"""Results tables whose numbers a test states, and stores of drawn scores: no model was run for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iqabench.bench.store.cell import Cell
from iqabench.bench.store.metrics import METRICS
from iqabench.bench.store.results import COLUMNS
from iqabench.bench.store.store import Store

LABELS = np.random.default_rng(0).random(60)


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """A results table; what a row does not state is made up."""
    frame = pd.DataFrame([_row(row, index) for index, row in enumerate(rows)], columns=list(COLUMNS))
    return frame.astype({"limit": "Int64", "batch_size": "Int64", "image_size": "Int64"})


def _row(stated: dict[str, Any], index: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"dataset": "live", "model": "resnet", "regime": "clean", "seed": 0, "attack": "none"}
    row |= {"epsilon": 0.0, "n": 100, "status": "ok", "limit": None, "batch_size": None, "image_size": 320}
    row |= {"model_params": "{}", "attack_params": "{}", "split_seed": 0, "stand_in": False, "seconds": 1.0}
    row |= {"created": "2030-01-01T00:00:00+00:00", "key": f"key{index}", "versions": "iqabench 0.1.0"}
    row |= {
        "weights": f"w-{stated.get('model', 'resnet')}-{stated.get('seed', 0)}",
        "file": f"{index}.parquet",
    }
    row |= dict.fromkeys(METRICS, np.nan if "status" in stated else 0.5)
    row |= {f"{metric}_{bound}": np.nan for metric in METRICS for bound in ("low", "high")}
    return {**row, **stated}


def write(store: Store, noise: float = 0.1, **stated: Any) -> Path:
    """Write a cell of `LABELS` with noise; NaN noise makes a model that diverged."""
    stand_in = stated.pop("stand_in", False)
    created = stated.pop("created", "2030-01-01T00:00:00+00:00")
    fields = {
        "dataset": "live",
        "dataset_digest": "d",
        "pixels_digest": "p",
        "split_seed": 0,
        "split_digest": "s",
        "image_size": 96,
        "limit": None,
        "model": "resnet",
        "variant": "",
        "model_params": {"backbone": "resnet10t"},
        "model_source": None,
        "weights": "0123456789abcdef",
        "regime": "clean",
        "seed": 0,
        "batch_size": None,
    }
    scores = LABELS + noise * np.random.default_rng(1).normal(size=len(LABELS))
    frame = pd.DataFrame(
        {
            "image": [f"{i}.png" for i in range(len(LABELS))],
            "scene": "a",
            "distortion": "noise",
            "quality": LABELS,
            "score": scores,
        }
    )
    context = {"versions": {"iqabench": "0.1.0"}, "created": created, "stand_in": stand_in}
    return store.write(Cell(**{**fields, **stated}), frame, context)
