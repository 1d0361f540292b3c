"""Chooses the cells of Tables 5 and 6: runs of CPRL that differ in nothing but what the table ablates."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...bench.store.newest import newest, newest_attacks
from ..catalogue import catalogue
from .numbers import EPSILON
from .points import REGIME, grouped
from .selection import IMAGES

CONDITIONS = (("none", 0.0), ("fgsm", EPSILON))  # attack and epsilon (in units of 1/255) of the column groups

_ABLATED = ("b", "reading", "pns_weight")
_SETTING = [*_ABLATED, "others"]
_SCORED_ON = ("dataset", *IMAGES, "split_seed")
_MASK_ALONE = 0.0  # weight of the PNS risk


def cprl_cells(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of CPRL under `CONDITIONS`, with columns `b`, `reading`, `pns_weight` and `others`.

    `others` holds the rest of the model's parameters as JSON, and `images` what a cell was scored on.
    """
    cells = _under_conditions(results, "cprl")
    settings = {compact: _setting(compact) for compact in cells["model_params"].unique()}
    rows = [settings[compact] for compact in cells["model_params"]]
    found = cells.assign(images=_images(cells)).join(pd.DataFrame(rows, columns=_SETTING, index=cells.index))
    numbers = {name: pd.to_numeric(found[name], errors="coerce") for name in ("b", "pns_weight")}
    return found.assign(**numbers).dropna(subset=list(_ABLATED))


def over_b(cells: pd.DataFrame) -> pd.DataFrame:
    """Return Table 5's rows from `cprl_cells`: those of each dataset that differ in b and reading only.

    Of several such sets the mask alone comes first, then scores on all test images, then more settings, then
    a later date.
    """
    chosen = []
    for _, of_dataset in grouped(cells, ["dataset"]):
        sets = [found for _, found in grouped(of_dataset, ["images", "others", "pns_weight"])]
        varied = [found for found in sets if _settings(found) > 1]
        if varied:
            chosen.append(newest(max(varied, key=_preference), [*_SETTING, "seed"]))
    return _in_order(chosen, cells)


def over_pns(cells: pd.DataFrame) -> pd.DataFrame:
    """Return Table 6's rows from `cprl_cells`: settings with the mask alone and with the PNS risk."""
    chosen = []
    for _, of_dataset in grouped(cells, ["dataset"]):
        settings = [found for _, found in grouped(of_dataset, ["images", "others", "b", "reading"])]
        paired = [found for found in settings if found["pns_weight"].eq(_MASK_ALONE).nunique() == 2]
        if paired:
            on_one_set_of_images = [found for _, found in grouped(pd.concat(paired), ["images"])]
            best = max(on_one_set_of_images, key=_completeness_and_age)
            chosen.append(newest(best, [*_SETTING, "seed"]))
    return _in_order(chosen, cells)


def resnet_cells(results: pd.DataFrame) -> pd.DataFrame:
    """Return the newest rows of the plain ResNet under `CONDITIONS`, as its own table configures it.

    A column `images` says what a cell was scored on.
    """
    cells = _under_conditions(results[results["variant"] == ""], "resnet")
    return newest(cells.assign(images=_images(cells)), ["images", "model_params", "seed"])


def beside_pair(cells: pd.DataFrame, block: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `resnet_cells` with the images and the shared parameters of a block of Table 6."""
    shared = json.loads(block["others"].iloc[0])
    on_images = cells[cells["images"] == block["images"].iloc[0]]
    alike = [compact for compact in on_images["model_params"].unique() if _agree(json.loads(compact), shared)]
    return newest_attacks(on_images[on_images["model_params"].isin(alike)], ["seed"])


def _under_conditions(results: pd.DataFrame, model: str) -> pd.DataFrame:
    plain = results[(results["trained_on"] == "") & (results["defence"] == "")]
    cells = plain[(plain["regime"] == REGIME) & (plain["model"] == model)]
    clean, attacked = (
        (cells["attack"] == attack) & (cells["epsilon"] == epsilon) for attack, epsilon in CONDITIONS
    )
    return cells[clean | attacked]


def _images(cells: pd.DataFrame) -> list[str]:
    """Return what each cell was scored on, as one text."""
    return [str(values) for values in cells[list(_SCORED_ON)].itertuples(index=False, name=None)]


def _completeness_and_age(cells: pd.DataFrame) -> tuple[float, str]:
    """Return a key of preference: cells of all test images, or of more of them, then of a later date."""
    return float(cells["limit"].astype(float).fillna(math.inf).min()), str(cells["created"].fillna("").max())


def _preference(cells: pd.DataFrame) -> tuple[bool, float, int, str]:
    complete, age = _completeness_and_age(cells)
    return bool(cells["pns_weight"].eq(_MASK_ALONE).all()), complete, _settings(cells), age


def _settings(cells: pd.DataFrame) -> int:
    return len(cells[["b", "reading"]].drop_duplicates())


def _in_order(parts: Sequence[pd.DataFrame], cells: pd.DataFrame) -> pd.DataFrame:
    """Return some parts of `cells`: datasets as they come, then readings, b and other parameters."""
    chosen = pd.concat(parts) if parts else cells.iloc[:0]
    places = {
        "dataset": [*cells["dataset"].unique()],
        "reading": [*catalogue().readings, *sorted(cells["reading"].unique())],
    }
    return chosen.sort_values(
        ["dataset", "reading", "b", "others", "pns_weight"],
        key=lambda column: column.map(places[column.name].index) if column.name in places else column,
        kind="stable",
    )


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[key] == other[key] for key in one.keys() & other.keys())


def _setting(compact: str) -> list[Any]:
    """Return b, reading, weight of the PNS risk and the other parameters; None for what is unknown."""
    parameters = json.loads(compact)
    return [*(parameters.pop(name, None) for name in _ABLATED), json.dumps(parameters, sort_keys=True)]
