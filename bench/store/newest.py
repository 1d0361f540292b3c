"""Chooses the rows that count where a store holds several for one condition.

A model's rows come from one version of it. The highest version of its code and of the dataset's counts
first, then scores on all test images, then the higher `limit`, then the later date. Of an attack the rows of
its highest version count, and of those with different parameters the newest. Scores that others measured come
in files of one attack each, so that the newest of each attack and epsilon counts, whatever its file.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

VERSION = (
    "limit", "image_size", "pixels", "split_seed", "weights", "model_params", "defence_params", "batch_size",
    "model_version", "model_source", "dataset_version", "dataset_digest", "pixels_digest", "split_digest",
)  # fmt: skip
"""Columns that tell two versions of a model on a dataset apart."""

_CODE = ("model_version", "dataset_version")


def newest(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return one row per attack and epsilon of each group of rows that agree in the columns `by`."""
    return newest_attacks(newest_versions(frame, by), by)


def newest_versions(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the rows of one model version in each group of rows that agree in the columns `by`.

    Rows that were measured elsewhere are all returned: their files tell no version of the model.
    """
    of_models = frame.assign(batch_size=_batch_of_model(frame, by))
    version = of_models.groupby([*by, *VERSION], sort=False, dropna=False).ngroup()
    age = frame["created"].fillna("").groupby(version).transform("max")
    ranked = frame.assign(complete=frame["limit"].astype(float).fillna(math.inf), age=age, turn=-version)
    ranked = ranked.sort_values([*_CODE, "complete", "age", "turn"])
    best = ranked.drop_duplicates(list(by), keep="last")
    return frame[version.isin(-best["turn"]) | (frame["measured_by"] != "")]


def _batch_of_model(frame: pd.DataFrame, by: Sequence[str]) -> "pd.Series[Any]":
    """Return the batch size that a model's scores depend on; missing where it is the attack's alone."""
    others = [frame[name] for name in dict.fromkeys([*by, *VERSION]) if name != "batch_size"]
    steady = (frame["attack"] == "none") & frame["batch_size"].isna()
    return frame["batch_size"].mask(steady.groupby(others, dropna=False).transform("any"))


def newest_attacks(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the newest row per attack and epsilon of each group, of the attack's highest version."""
    by_age = highest_attacks(frame, by).sort_values("created", kind="stable", na_position="first")
    return by_age.drop_duplicates([*by, "attack", "epsilon"], keep="last").sort_index()


def highest_attacks(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the rows of each attack's highest version in each group."""
    if frame.empty:
        return frame
    highest = frame.groupby([*by, "attack"], dropna=False)["attack_version"].transform("max")
    return frame[frame["attack_version"] == highest]
