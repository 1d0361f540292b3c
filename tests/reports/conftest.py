"""Stores of drawn numbers: no model was run for them. They have the shape of what a sweep leaves behind."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from iqabench.bench.store.cell import Cell
from iqabench.bench.store.explanation import write_explanation
from iqabench.bench.store.metrics import METRICS
from iqabench.bench.store.results import COLUMNS, results_table
from iqabench.bench.store.store import Store

from .explained import drawn_explanation

MODELS = ("dbcnn", "nima", "resnet", "lwta", "denoise", "sat", "cprl")
EPSILONS = (1.0, 2.0, 4.0, 8.0)

CLEAN = {
    "dbcnn": 0.90,
    "nima": 0.92,
    "resnet": 0.93,
    "lwta": 0.55,
    "denoise": 0.92,
    "sat": 0.83,
    "cprl": 0.91,
}
DECAY = {"dbcnn": 0.9, "nima": 1.3, "resnet": 1.1, "lwta": 0.4, "denoise": 1.2, "sat": 0.6, "cprl": 0.1}


def drawn_cell(
    store: Store, scores: Any = None, *, context: dict[str, Any] | None = None, **fields: Any
) -> Path:
    """Write one cell; its scores correlate with the labels about as much as CLEAN and DECAY have it."""
    cell = Cell(
        **{
            "dataset": "synthetic",
            "dataset_digest": "d0",
            "pixels_digest": "p0",
            "split_seed": 0,
            "split_digest": "s0",
            "image_size": 96,
            "limit": None,
            "model": "resnet",
            "variant": "",
            "model_params": {"backbone": "resnet10t"},
            "model_source": None,
            "weights": f"w-{fields.get('model', 'resnet')}-{fields.get('seed', 0)}",
            "regime": "clean",
            "seed": 0,
            "batch_size": None,
            "attack_params": {"steps": 10} if fields.get("attack") == "pgd" else {},
            **fields,
        }
    )
    if scores is None:
        scores = drawn_scores(cell)
    labels = np.random.default_rng(0).random(len(scores))
    frame = pd.DataFrame(
        {
            "image": [f"scene{i // 5}/{i}.png" for i in range(len(scores))],
            "scene": [f"scene{i // 5}" for i in range(len(scores))],
            "distortion": "noise",
            "quality": labels,
            "score": scores,
        }
    )
    facts = {
        "versions": {"python": "3.11.7", "iqabench": "0.1.0", "torch": "2.15.0"},
        "created": "2030-01-02T03:04:05+00:00",
        "command": "iqabench run --models all",
        "profile": "demo",
        "device": "cpu",
        "checkpoint": f"checkpoints/{cell.dataset}/{cell.model}-clean-{cell.seed}.safetensors",
        "seconds": 1.5,
        "stand_in": cell.dataset == "synthetic",
    }
    return store.write(cell, frame, {**facts, **(context or {})})


def drawn_scores(cell: Cell, images: int = 120) -> np.ndarray:
    strength = cell.epsilon * (1.3 if cell.attack == "pgd" else 1.0)
    start, decay = CLEAN.get(cell.model, 0.7), DECAY.get(cell.model, 0.8)
    correlation = (start + 0.4) * np.exp(-decay * strength) - 0.4
    generator = np.random.default_rng([len(cell.model), round(8 * strength), cell.seed])
    labels = np.random.default_rng(0).random(images)
    deviations = (labels - 0.5) / np.sqrt(1 / 12)
    noise = generator.normal(size=images)
    scores: np.ndarray = 0.5 + 0.12 * (correlation * deviations + np.sqrt(1 - correlation**2) * noise)
    return scores


def drawn_sweep(
    store: Store,
    *,
    datasets: Sequence[str] = ("synthetic",),
    models: Sequence[str] = MODELS,
    attacks: Sequence[str] = ("fgsm", "pgd"),
    epsilons: Sequence[float] = EPSILONS,
    **fields: Any,
) -> Store:
    """Write what a sweep would: every model clean and under every attack at every epsilon."""
    for dataset in datasets:
        for model in models:
            drawn_cell(store, dataset=dataset, model=model, **fields)
            for attack in attacks:
                for epsilon in epsilons:
                    drawn_cell(store, dataset=dataset, model=model, attack=attack, epsilon=epsilon, **fields)
    return store


@pytest.fixture(scope="session")
def swept_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Drawn numbers for seven models, two attacks and four epsilons on `synthetic` and `live`."""
    return drawn_sweep(Store(tmp_path_factory.mktemp("swept")), datasets=("synthetic", "live"))


@pytest.fixture(scope="session")
def swept_table(swept_store: Store) -> pd.DataFrame:
    return results_table(swept_store, resamples=200)


@pytest.fixture
def results() -> Callable[..., pd.DataFrame]:
    """Makes a results table of rows whose numbers the test states; the rest is made up."""

    def table(*rows: dict[str, Any], unreadable: Sequence[tuple[str, str]] = ()) -> pd.DataFrame:
        frame = pd.DataFrame([_row(row, index) for index, row in enumerate(rows)], columns=list(COLUMNS))
        frame = frame.astype({"limit": "Int64", "batch_size": "Int64"})
        frame.attrs["unreadable"] = list(unreadable)
        return frame

    return table


def _row(stated: dict[str, Any], index: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"dataset": "live", "model": "resnet", "regime": "clean", "seed": 0, "attack": "none"}
    row |= {"epsilon": 0.0, "n": 100, "status": "ok", "limit": None, "batch_size": None, "image_size": 96}
    row |= {"model_params": "{}", "attack_params": "{}", "split_seed": 0, "stand_in": False, "seconds": 1.0}
    row |= {"created": "2030-01-01T00:00:00+00:00", "key": f"key{index}"}
    row |= {"weights": f"w-{stated.get('model', 'resnet')}-{stated.get('seed', 0)}"}
    for metric in METRICS:
        value = stated.get(metric, np.nan if "status" in stated else 0.5)
        row |= {metric: value, f"{metric}_low": value - 0.1, f"{metric}_high": value + 0.1}
    return {**row, **stated}


@pytest.fixture
def ablated(results: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """What Tables 5 and 6 are made of: two seeds on `synthetic` and one on `live`, at two values of b."""
    on_synthetic = {"dataset": "synthetic", "stand_in": True}
    rows = []
    for place in ({**on_synthetic, "seed": 0}, {**on_synthetic, "seed": 1}, {"dataset": "live"}):
        resnet = {**place, "model_params": '{"backbone": "resnet18"}'}
        variants = [_cprl(0.3, 0.0, place), _cprl(0.4, 0.0, place), _cprl(0.4, 0.1, place)]
        for row in [resnet, *variants]:
            rows += [{**row, "srocc": 0.8}, {**row, "attack": "fgsm", "epsilon": 1.0, "srocc": 0.5}]
    return results(*rows)


def _cprl(b: float, pns_weight: float, place: dict[str, Any]) -> dict[str, Any]:
    params = {"b": b, "backbone": "resnet18", "pns_weight": pns_weight, "reading": "keep_top", "sites": [4]}
    variant = f"b={b}, pns_weight={pns_weight}"
    weights = f"w-{variant}-{place.get('seed', 0)}"
    return {
        **place, "model": "cprl", "variant": variant, "model_params": json.dumps(params), "weights": weights,
    }  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture(scope="session")
def explained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `iqabench explain` writes, of drawn numbers; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("explained")
    write_explanation(drawn_explanation(), folder)
    return folder


@pytest.fixture
def explained_store(swept_store: Store, explained_folder: Path, tmp_path: Path) -> Store:
    """`swept_store` with an explanation of CPRL beside ResNet on `synthetic`."""
    root = tmp_path / "explained"
    shutil.copytree(swept_store.root, root)
    shutil.copytree(explained_folder, root / "explain" / "synthetic" / "cprl")
    return Store(root)
