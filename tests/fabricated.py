"""Stores and results of drawn numbers, in the shape of what a sweep leaves: no model was run for them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iqabench.bench.statistics.intervals import INTERVAL_METRICS
from iqabench.bench.statistics.metrics import METRICS
from iqabench.bench.store.cell import Cell
from iqabench.bench.store.condition import is_control
from iqabench.bench.store.results import COLUMNS, Results, frame_of
from iqabench.bench.store.store import Store

MODELS = ("dbcnn", "nima", "resnet", "lwta", "denoise", "sat", "cprl")
EPSILONS = (1.0, 2.0, 4.0, 8.0)
CREATED = "2030-01-01T00:00:00+00:00"

CLEAN = dict(zip(MODELS, (0.90, 0.92, 0.93, 0.55, 0.92, 0.83, 0.91), strict=True))
DECAY = dict(zip(MODELS, (0.9, 1.3, 1.1, 0.4, 1.2, 0.6, 0.1), strict=True))


def labels(images: int) -> np.ndarray:
    """The same first labels whatever the number of images."""
    drawn: np.ndarray = np.random.default_rng(0).random(images)
    return drawn


def noisy(noise: float, images: int = 60) -> np.ndarray:
    """Scores that are the labels with noise; NaN noise makes a model that diverged."""
    drawn: np.ndarray = labels(images) + noise * np.random.default_rng(1).normal(size=images)
    return drawn


def cell_of(**fields: Any) -> Cell:
    """Return a cell with some fields; what they do not state is made up."""
    name, seed = fields.get("model", "resnet"), fields.get("seed", 0)
    return Cell(
        **{
            "dataset": "live",
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
            "weights": f"w-{name}-{seed}",
            "regime": "clean",
            "seed": 0,
            "batch_size": None,
            "attack": "none",
            "attack_source": None,
            "epsilon": 0.0,
            "attack_params": {"steps": 10} if fields.get("attack") == "pgd" else {},
            **fields,
        }
    )


def drawn_cell(
    store: Store,
    scores: Any = None,
    *,
    more: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    flags: Sequence[str] | None = None,
    diagnostics: dict[str, Any] | None = None,
    **fields: Any,
) -> Path:
    """Write one cell; by default its scores correlate with the labels about as CLEAN and DECAY have it.

    Args:
        flags: Sentences of the red flags that its audit found; None: it was not audited.
    """
    cell = cell_of(**fields)
    scores = drawn_scores(cell) if scores is None else scores
    frame = pd.DataFrame(
        {
            "image": [f"scene{i // 5}/{i}.png" for i in range(len(scores))],
            "scene": [f"scene{i // 5}" for i in range(len(scores))],
            "distortion": "noise",
            "quality": labels(len(scores)),
            "score": scores,
            **(more or {}),
        }
    )
    facts = {
        "versions": {"python": "3.11.7", "iqabench": "0.1.0", "torch": "2.15.0"},
        "created": CREATED,
        "command": "iqabench run --models all",
        "profile": "demo",
        "device": "cpu",
        "checkpoint": f"checkpoints/{cell.dataset}/{cell.model}-clean-{cell.seed}.safetensors",
        "seconds": 1.5,
        "stand_in": cell.dataset == "synthetic",
    }
    found = [
        {"indicator": "blind gradient", "value": 1, "threshold": 0, "sentence": text} for text in flags or ()
    ]
    if flags is not None:
        diagnostics = {**(diagnostics or {}), "flags": found}
    return store.write(cell, frame, {**facts, **(context or {})}, diagnostics)


def drawn_auto(store: Store, model: str, epsilon: float, *, flags: Sequence[str] = (), **fields: Any) -> Path:
    """Write an audited cell of `auto`, with intervals around drawn scores."""
    scores = noisy(0.1 + 0.1 * CLEAN.get(model, 0.7), 120)
    reach = 0.1 * epsilon * DECAY.get(model, 0.8)
    ends = {"low": scores - reach, "high": scores + reach}
    return drawn_cell(
        store, scores, more=ends, flags=flags, model=model, attack="auto", epsilon=epsilon, **fields
    )


def drawn_scores(cell: Cell, images: int = 120) -> np.ndarray:
    strength = cell.epsilon * (1.3 if cell.attack == "pgd" else 1.0)
    start, decay = CLEAN.get(cell.model, 0.7), DECAY.get(cell.model, 0.8)
    correlation = (start + 0.4) * np.exp(-decay * strength) - 0.4
    generator = np.random.default_rng([len(cell.model), round(8 * strength), cell.seed])
    deviations = (labels(images) - 0.5) / np.sqrt(1 / 12)
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


def results(*rows: dict[str, Any], unreadable: Sequence[tuple[str, str]] = ()) -> Results:
    """Results whose numbers a test states; what a row does not state is made up."""
    made_up = [_row(row, index) for index, row in enumerate(rows)]
    return Results(frame_of({name: [row[name] for row in made_up] for name in COLUMNS}), tuple(unreadable))


def _row(stated: dict[str, Any], index: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"dataset": "live", "model": "resnet", "regime": "clean", "seed": 0, "attack": "none"}
    row |= {"epsilon": 0.0, "n": 100, "status": "ok", "limit": None, "batch_size": None, "image_size": 320}
    row |= {"pixels": "resize", "control": is_control(stated.get("attack", "none"))}
    row |= {
        "source_weights": None,
        "model_params": "{}",
        "attack_params": "{}",
        "split_seed": 0,
        "stand_in": False,
        "seconds": 1.0,
    }
    row |= {"created": CREATED, "key": f"key{index}", "file": f"{index}.parquet"}
    row |= {"weights": f"w-{stated.get('model', 'resnet')}-{stated.get('seed', 0)}"}
    row |= dict.fromkeys(("dataset_version", "model_version", "attack_version"), 1)
    row |= {name: np.nan for name in COLUMNS if name.startswith(INTERVAL_METRICS)}
    row |= dict.fromkeys(("realised", "eight_bit_kept", "queries", "psnr", "ssim"), np.nan)
    for metric in METRICS:
        value = stated.get(metric, np.nan if "status" in stated else 0.5)
        value = np.nan if value is None else value
        row |= {metric: value, f"{metric}_low": value - 0.1, f"{metric}_high": value + 0.1}
    return {**row, **stated}


def under_auto(model: str, epsilon: float, worst: float, **stated: Any) -> dict[str, Any]:
    """Return a row of results of `auto` with a worst-case SROCC, whose interval is 0.1 to each side."""
    measures = {"worst_srocc": worst, "worst_srocc_low": worst - 0.1, "worst_srocc_high": worst + 0.1}
    measures |= {"worst_drop": 0.9 - worst, "worst_drop_low": 0.8 - worst, "worst_drop_high": 1.0 - worst}
    return {"model": model, "attack": "auto", "epsilon": epsilon, **measures, **stated}


def ablated_results() -> Results:
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


def behind(defence: str, **stated: Any) -> dict[str, Any]:
    """Return what a row of results of a model behind a defence states of it."""
    return {"variant": f"defence={defence}", "defence": defence, "defence_params": f'"{defence}"', **stated}
